//! What the rooms that the HTTP side must not know have to say there.

use crate::analytics::{Rollups, rollups::NAME as ROLLUPS};
use crate::bookings::etas::Board;
use crate::dispatch::learn::Learner;
use crate::dispatch::{self, Dispatch};
use crate::eta;
use crate::ingest::{Count, Way};
use crate::model::{LaneStatus, LineMode, SinkStatus};
use crate::mqtt::stats::Snapshot;
use crate::mqtt::{Guard, Observer};
use crate::notify;
use crate::orders;
use crate::schedules;
use crate::settings::{self, Settings};
use crate::web::{Follower, Sheet};
use serde_json::{Value, json};

/// Who follows the journal, and how far they are.
pub fn followers(
    guard: &Guard,
    dispatch: &Dispatch,
    learner: &Learner,
    rollups: &Rollups,
    settings: &Settings,
    teller: &notify::Follower,
) -> Vec<Follower> {
    let (guard, dispatch, learner, settings) = (guard.observer(), dispatch.clone(), learner.clone(), settings.clone());
    let (rollups, teller) = (rollups.clone(), teller.clone());
    vec![
        Follower { name: "downlink", cursor: Box::new(move || guard.followed()) },
        Follower { name: "dispatch", cursor: Box::new(move || dispatch.cursor()) },
        Follower { name: "speeds", cursor: Box::new(move || learner.cursor()) },
        Follower { name: ROLLUPS, cursor: Box::new(move || rollups.cursor()) },
        Follower { name: notify::FOLLOWER, cursor: Box::new(move || teller.cursor()) },
        Follower { name: "settings", cursor: Box::new(move || settings.cursor()) },
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

/// The travel times' numbers, and those of the jobs under way.
pub fn eta(stats: &eta::Stats, board: &Board, sheet: &mut Sheet) {
    let (jobs, late) = board.counts();
    sheet.gauge("jobs_under_way", "Jobs under way whose end is foreseen", jobs as u64);
    sheet.gauge("jobs_late", "Of these, jobs that will be late", late as u64);
    let told = |source: &'static str| (source, stats.answers.get(source).copied().unwrap_or(0));
    sheet.counters("eta_answers", "Travel times told", "source", eta::SOURCES.map(told));
    sheet.last_time("eta_learned", "Driving that the learned speeds rest on", stats.learned);
    let Some((road, state)) = &stats.road else { return };
    sheet.gauge("eta_cache_ways", "Ways remembered", stats.cached as u64);
    sheet.counter("eta_road_answered", "Requests that the road service answered", road.answered);
    sheet.counters("eta_road_failed", "Requests that it did not, or wrongly", "reason", road.failed.iter().map(|(why, n)| (*why, *n)));
    let withheld = road.withheld.iter().map(|(why, n)| (*why, *n));
    sheet.counters("eta_road_withheld", "Requests that were not made: breaker open, too many at once, too late", "reason", withheld);
    sheet.time("eta_road_busy", "Time spent on requests to the road service", road.busy);
    sheet.counter("eta_breaker_opened", "Times that the breaker opened", road.opened);
    let states = eta::State::ALL.map(|each| (each.as_str(), i64::from(each == *state)));
    sheet.gauges("eta_breaker", "State of the breaker before the road service", "state", states);
}

/// The schedules' numbers.
pub fn schedules(stats: schedules::Stats, sheet: &mut Sheet) {
    sheet.counter("schedule_runs_ok", "Runs of schedules that ended well", stats.ok);
    sheet.counter("schedule_runs_failed", "Runs of schedules that failed", stats.failed);
}

/// The numbers of the settings that are not as depotd was started.
pub fn settings(stats: settings::Stats, sheet: &mut Sheet) {
    sheet.gauge("settings_from_above", "Settings for which head office sent a value", stats.above as u64);
    sheet.gauge("settings_overridden", "Settings that people set for a while", stats.overridden as u64);
    sheet.gauge("settings_set_aside", "Values of either that do not pass the checks", stats.aside as u64);
}

/// The numbers of the line to head office, by sink and lane.
pub fn sync(sinks: &[SinkStatus], sheet: &mut Sheet) {
    let lanes = |of: fn(&LaneStatus) -> u64| -> Vec<(String, i64)> {
        let lane = move |name: &str, lane: &LaneStatus| (format!("{name}/{}", lane.lane.as_str()), of(lane).try_into().unwrap_or(i64::MAX));
        sinks.iter().flat_map(|sink| sink.lanes.iter().map(move |each| lane(&sink.name, each))).collect()
    };
    let up = sinks.iter().map(|sink| (sink.name.clone(), i64::from(matches!(sink.mode, LineMode::Live | LineMode::CatchingUp))));
    sheet.gauges("upstream_up", "Is there a connection to the sink?", "sink", up);
    sheet.gauges("upstream_backlog", "Records that wait", "lane", lanes(|lane| lane.backlog));
    let held_up = lanes(|lane| u64::from(lane.held_up.is_some()));
    sheet.gauges("upstream_held_up", "Does a batch that the sink does not take hold up the lane?", "lane", held_up);
    sheet.gauges("upstream_lost", "Records that retention took before they were sent", "lane", lanes(|lane| lane.lost));
    sheet.gauges("upstream_records", "Records that the sink acknowledged", "lane", lanes(|lane| lane.records));
    sheet.gauges("upstream_bytes", "Bytes of batches that the sink acknowledged", "lane", lanes(|lane| lane.bytes));
}

/// What became of head office's orders.
pub fn orders(stats: &orders::Stats, sheet: &mut Sheet) {
    let orders::Stats { applied, rejected, expired, refused, repeated } = *stats;
    let outcomes = [("applied", applied), ("rejected", rejected), ("expired", expired), ("refused", refused), ("repeated", repeated)];
    sheet.counters("orders", "Orders of head office by what became of them", "outcome", outcomes);
}

/// What became of what was to be said to people and programs.
pub fn notifications(stats: &notify::Stats, sheet: &mut Sheet) {
    let notify::Stats { sent, failed, dead, overflowed, unreachable, quiet, limited, outdated, opened } = *stats;
    let outcomes = [("sent", sent), ("failed", failed), ("dead", dead)];
    sheet.counters("notifications", "Attempts to deliver a notification by what became of them", "outcome", outcomes);
    let unsaid = [("unreachable", unreachable), ("quiet", quiet), ("limited", limited), ("outdated", outdated)];
    sheet.counters(
        "notifications_unsaid",
        "What rules did not say: nobody's address known, quiet hours, told enough, true no more",
        "reason",
        unsaid,
    );
    sheet.counter("notifications_overflowed", "Notifications that found the queue of their endpoint full", overflowed);
    sheet.counter("notifications_breaker_opened", "Times that an endpoint was left alone because it failed", opened);
}

/// What came in, by its way.
pub fn ingest(counts: &[(Way, Count)], sheet: &mut Sheet) {
    let of = |count: fn(&Count) -> u64| counts.iter().map(move |(way, each)| (way.as_str(), count(each)));
    sheet.counters("ingest_fixes", "Fixes handed to the log", "way", of(|count| count.taken));
    sheet.counters("ingest_repeated", "Fixes that were known already", "way", of(|count| count.repeated));
    sheet.counters("ingest_refused", "Payloads, or fixes of an array, that no decoder takes", "way", of(|count| count.refused));
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
