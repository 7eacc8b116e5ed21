//! What the rooms that the HTTP side must not know have to say there.

use crate::dispatch::{self, Dispatch};
use crate::mqtt::stats::Snapshot;
use crate::mqtt::{Guard, Observer};
use crate::web::{Follower, Sheet};
use serde_json::{Value, json};

/// Who follows the journal, and how far they are.
pub fn followers(guard: &Guard, dispatch: &Dispatch) -> Vec<Follower> {
    let (guard, dispatch) = (guard.observer(), dispatch.clone());
    vec![
        Follower { name: "downlink", cursor: Box::new(move || guard.followed()) },
        Follower { name: "dispatch", cursor: Box::new(move || dispatch.cursor()) },
    ]
}

/// The guard's last refusals, newest first.
pub fn refusals(guard: &Observer) -> Value {
    let items: Vec<Value> = guard
        .refusals()
        .into_iter()
        .rev()
        .map(|r| json!({"at": r.at, "reason": r.reason.as_str(), "who": r.who, "detail": r.detail}))
        .collect();
    json!({"items": items})
}

/// The dispatcher's numbers.
pub fn dispatch(stats: &dispatch::Stats, sheet: &mut Sheet) {
    sheet.counter("dispatch_rounds", "Rounds held", stats.rounds);
    sheet.counter("dispatch_failed", "Rounds that failed", stats.failed);
    sheet.counter("dispatch_assigned", "Bookings given to a vehicle", stats.assigned);
    sheet.counter("dispatch_lost_races", "Assignments that came too late", stats.lost_races);
    sheet.gauge("dispatch_waiting", "Bookings left waiting by the last round", stats.waiting as u64);
    sheet.time("dispatch_busy", "Time spent in rounds", stats.busy);
    sheet.last_time("dispatch_last_round", "Time of the last round", stats.last_round);
}

/// The guard's numbers.
pub fn guard(stats: &Snapshot, sheet: &mut Sheet) {
    sheet.gauge("mqtt_connections", "Open MQTT connections", stats.connections);
    sheet.gauge("mqtt_sessions", "MQTT sessions: connections past their CONNECT", stats.sessions);
    sheet.counter("mqtt_sessions_started", "MQTT sessions since the start", stats.sessions_total);
    sheet.counter("mqtt_messages", "MQTT messages taken", stats.messages);
    sheet.counter("mqtt_fixes", "Fixes handed to the log", stats.fixes);
    sheet.counter("mqtt_acknowledged", "QoS 1 and 2 messages acknowledged", stats.acknowledged);
    sheet.counter("mqtt_commands_sent", "Commands sent to vehicles, repeats included", stats.commands_sent);
    sheet.counter("mqtt_commands_acknowledged", "Commands that vehicles acknowledged", stats.commands_acknowledged);
    sheet.counter("mqtt_copies", "Copies given to local subscribers", stats.copies);
    sheet.counter("mqtt_copies_dropped", "Copies dropped because the router was busy", stats.copies_dropped);
    sheet.counter("mqtt_panics", "MQTT sessions that panicked", stats.panics);
    sheet.counters("mqtt_refused", "Refused by the MQTT guard", "reason", stats.refused.iter().map(|(reason, count)| (*reason, *count)));
}
