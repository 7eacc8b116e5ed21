//! Tells systemd how the service is. Outside systemd nothing happens.

use sd_notify::NotifyState;
use std::time::Duration;

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

/// The server answers.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The server is going down.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The server still does its work.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] must be told, when systemd watches at all.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
