//! Users, tokens and devices on a real ops.db.

use super::*;
use crate::model::{DeviceId, Span};
use crate::telemetry::Format;
use std::net::IpAddr;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const GOOD: &str = "tram cheese lantern";

struct Fixture {
    _dir: tempfile::TempDir,
    clock: Clock,
    auth: Auth,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let auth = Auth::new(Db::open(dir.path()).unwrap(), &config::Mqtt::default(), clock.clone());
    Fixture { _dir: dir, clock, auth }
}

#[tokio::test]
async fn the_set_up_link_works_once_and_not_after_half_an_hour() {
    let Fixture { clock, auth, .. } = &fixture();
    auth.add_user("vera", (Role::Viewer, None), Some(GOOD.into()), Actor::System).await.unwrap();
    let token = auth.setup_token().await.unwrap().expect("nobody is an administrator");
    assert!(matches!(auth.set_up("wrong", "ana", GOOD, HERE).await, Err(Error::Refused(_))));
    clock.advance(Span::from_secs(1_801));
    assert!(matches!(auth.set_up(&token, "ana", GOOD, HERE).await, Err(Error::Refused(_))));
    let token = auth.setup_token().await.unwrap().unwrap();
    let opened = auth.set_up(&token, "ana", GOOD, HERE).await.unwrap();
    assert_eq!(auth.session(&opened.secret).await.unwrap().unwrap().role, Role::Admin);
    assert!(auth.set_up(&token, "eve", GOOD, HERE).await.is_err());
    assert!(auth.setup_token().await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_end_by_time_log_out_and_disabling() {
    let Fixture { clock, auth, .. } = &fixture();
    auth.add_user("root", (Role::Admin, None), Some(GOOD.into()), Actor::System).await.unwrap();
    auth.add_user("ana", (Role::Viewer, None), Some(GOOD.into()), Actor::System).await.unwrap();
    let sign_in = || auth.login("ana", GOOD, HERE);
    let idle = sign_in().await.unwrap().secret;
    clock.advance(Span::from_secs(13 * 3_600));
    assert!(auth.session(&idle).await.unwrap().is_none());
    let left = sign_in().await.unwrap().secret;
    auth.logout(&left).await.unwrap();
    assert!(auth.session(&left).await.unwrap().is_none());
    let disabled = sign_in().await.unwrap().secret;
    auth.change_user("ana", UserChange { disabled: Some(true), ..Default::default() }, Actor::System).await.unwrap();
    assert!(auth.session(&disabled).await.unwrap().is_none());
    assert!(matches!(sign_in().await, Err(Error::Refused(_))));
    let last = auth.change_user("root", UserChange { role: Some(Role::Viewer), ..Default::default() }, Actor::System).await;
    assert!(matches!(last, Err(Error::LastAdmin(_))), "{last:?}");
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let Fixture { auth, .. } = &fixture();
    for _ in 0..5 {
        assert!(matches!(auth.login("ana", "not the password", HERE).await, Err(Error::Refused(_))));
    }
    assert!(matches!(auth.login("ana", "not the password", HERE).await, Err(Error::TooMany { .. })));
}

#[tokio::test]
async fn tokens_hold_until_they_expire_or_are_revoked() {
    let Fixture { clock, auth, .. } = &fixture();
    let new = |expires_at| NewToken {
        name: "erp".into(),
        role: Role::Integration,
        scopes: vec!["bookings:read".into()],
        customer: None,
        expires_at,
    };
    let brief = auth.add_token(new(Some(clock.now() + Span::from_secs(60))), Actor::System).await.unwrap();
    let lasting = auth.add_token(new(None), Actor::System).await.unwrap();
    let who = auth.bearer(&brief.token).await.unwrap().unwrap();
    assert!(allow(&who, What::ReadBookings) && !allow(&who, What::WriteBookings));
    clock.advance(Span::from_secs(61));
    assert!(auth.bearer(&brief.token).await.unwrap().is_none());
    assert!(auth.bearer(&format!("{}x", lasting.token)).await.unwrap().is_none());
    auth.revoke_token(&lasting.id, Actor::System).await.unwrap();
    assert!(auth.bearer(&lasting.token).await.unwrap().is_none());
    let odd = NewToken { scopes: vec!["everything".into()], customer: None, ..new(None) };
    assert!(matches!(auth.add_token(odd, Actor::System).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_device_is_known_by_its_latest_secret_only() {
    let Fixture { auth, .. } = &fixture();
    let id: DeviceId = "tracker-1".parse().unwrap();
    let made = auth.add_device(NewDevice { id: id.clone(), vehicle: None, format: Format::Native }, Actor::System).await.unwrap();
    let first = made.password;
    assert_eq!(made.topics.publish[0], "v/tracker-1/gps");
    for _ in 0..2 {
        assert_eq!(auth.device("tracker-1", first.as_bytes(), || true).await.unwrap().vehicle.as_str(), "tracker-1");
    }
    assert!(matches!(auth.device("tracker-1", b"guess", || true).await, Err(Refused::BadSecret)));
    assert!(matches!(auth.device("tracker-2", b"guess", || true).await, Err(Refused::Unknown)));
    let second = auth.rotate_device(&id, Actor::System).await.unwrap().password;
    assert!(matches!(auth.device("tracker-1", first.as_bytes(), || true).await, Err(Refused::BadSecret)));
    assert!(auth.device("tracker-1", second.as_bytes(), || true).await.is_ok());
    auth.revoke_device(&id, Actor::System).await.unwrap();
    assert!(matches!(auth.device("tracker-1", second.as_bytes(), || true).await, Err(Refused::Revoked)));
}
