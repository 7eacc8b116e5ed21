//! The numbers of every room, for a scrape.

use super::{Sheet, Web};

/// Writes them down.
pub fn fill(web: &Web, sheet: &mut Sheet) {
    let live = web.hub.stats();
    sheet.gauge("live_clients", "Live sockets", live.clients as u64);
    sheet.counter("live_renewed", "Live clients that were too slow and got a new snapshot", live.renewed);
    sheet.counter("live_refused", "Live clients that were not let in because there were too many, in all or of one user", live.refused);
    let doors = web.doors.stats();
    sheet.gauge("socketio_clients", "Socket.IO connections", doors.clients);
    sheet.counter("socketio_entered", "Socket.IO connections since the start", doors.entered);
    sheet.counter("socketio_turned_away", "Socket.IO connections without good credentials", doors.turned_away);
    sheet.counter("socketio_full", "Socket.IO connections that were not let in because there were too many", doors.full);
    sheet.counter("socketio_messages", "Messages of Socket.IO clients", doors.messages);
    sheet.counter("socketio_too_fast", "Messages of Socket.IO clients that came too fast", doors.too_fast);
    sheet.counter("socketio_commands_sent", "Commands sent to vehicles over Socket.IO, repeats included", doors.commands_sent);
    sheet.counter("socketio_commands_acknowledged", "Commands that vehicles acknowledged over Socket.IO", doors.commands_acknowledged);
    sheet.counter("http_shed", "Requests refused because too many were under way", web.limits.shed());
    sheet.counter("http_late", "Requests given up because they took too long", web.limits.late());
    sheet.counter("sign_ins_turned_away", "Sign-ins refused because too many passwords were being checked", web.auth.turned_away());
    let links = web.links.stats();
    sheet.counter("tracking_looks", "Requests for what a tracking link shows", links.looks);
    sheet.counter("tracking_guesses", "Of these, those by what never was a link, or was revoked", links.guesses);
    sheet.counter("tracking_refused", "Requests by tracking links refused because there were too many", links.refused);
    let tracks = web.tracks.stats();
    sheet.counter("fixes_appended", "Fixes taken", tracks.appended);
    sheet.counter("fixes_durable", "Fixes on the disk", tracks.durable);
    sheet.gauge("fixes_waiting", "Fixes waiting for a commit", tracks.waiting);
    sheet.counter("tracks_commits", "Commits of the fix log", tracks.commits);
    sheet.counter("tracks_hurried", "Commits made because a sender was held up", tracks.hurried);
    sheet.counter("tracks_held_back", "Times a sender waited for room in the queue", tracks.held_back);
    sheet.counter("tracks_packed_bytes", "Bytes of packed fixes committed", tracks.packed_bytes);
    let head = *web.db.head().borrow();
    sheet.gauge("journal_head", "The journal's last entry", head);
    let behind = web.followers.iter().map(|follower| (follower.name, (head - (follower.cursor)()).max(0)));
    sheet.gauges("journal_behind", "Entries that a follower has not read", "follower", behind);
    (web.more_metrics)(sheet);
}
