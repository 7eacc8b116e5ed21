//! Keeps the house standing: a module names only modules on strictly lower floors, SQL stays with its two owners, the
//! pure rooms stay pure. It reads the sources' text, so that a fault is told with its file and line.

#[path = "floors/source.rs"]
mod source;

use source::Source;
use std::path::Path;

/// The modules by floor, from the ground up.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["clock", "config"],
    &["batch", "fields", "ops", "patience", "telemetry"],
    &["forecast", "pricing", "zones"],
    &["eta", "fleet", "office", "store", "tracks"],
    &["tariffs"],
    &["auth", "backups", "bookings", "geofence", "registry", "settings", "sync"],
    &["drivers", "ingest", "links", "orders", "schedules"],
    &["cab"],
    &["analytics", "demand", "dispatch", "mqtt", "notify", "sim", "upstream"],
    &["replay", "web"],
    &["app", "receive"],
    &["cli"],
    &["main"],
];
/// The library root declares every module and stands on no floor.
const ROOT: &str = "lib";
/// The only places that may speak SQL.
const SQL_ROOMS: &[&str] = &["office", "store", "tracks"];
/// Rooms without waiting: no async, no runtime.
const PURE_ROOMS: &[&str] = &[
    "demand/advice",
    "dispatch/plan",
    "patience",
    "eta/cache",
    "eta/speeds",
    "eta/table",
    "eta/travel",
    "fleet/index",
    "forecast",
    "pricing",
    "zones",
    "schedules/slots",
    "telemetry",
];
/// What the words of the trade must not know.
const UNKNOWN_TO_MODEL: &[&str] = &["rusqlite", "serde_json::Value", "tokio"];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The faults of one file, as lines to print.
fn faults(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let room = file.module();
    if room == ROOT || file.is_test() {
        return found;
    }
    let Some(own) = floor(room) else {
        return vec![format!("{}: module `{room}` has no floor: give it one in tests/floors.rs", file.path)];
    };
    for (line, named) in file.modules_named() {
        let Some(theirs) = floor(&named) else { continue };
        if named != room && theirs >= own {
            found.push(format!("{}:{line}: `{room}` (floor {own}) names `{named}` (floor {theirs})", file.path));
        }
    }
    if !SQL_ROOMS.contains(&room) {
        let lines = file.strings.iter().filter(|(_, text)| is_sql(text)).map(|(line, _)| line);
        found.extend(lines.map(|line| format!("{}:{line}: SQL belongs under {SQL_ROOMS:?}", file.path)));
    }
    if room == "model" {
        for word in UNKNOWN_TO_MODEL {
            found.extend(file.lines_with(word).map(|line| format!("{}:{line}: `model` knows `{word}`", file.path)));
        }
    }
    if PURE_ROOMS.iter().any(|pure| file.is_in(pure)) {
        for word in ["async", "await", "tokio"] {
            found.extend(file.lines_with(word).map(|line| format!("{}:{line}: `{word}` in a pure room", file.path)));
        }
    }
    found
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    let starts = |words: &str| text.starts_with(words);
    let holds = |word: &str| text.split_whitespace().any(|each| each == word);
    let statement = ["insert into ", "insert or ", "delete from ", "create table ", "create index ", "alter table ", "pragma "];
    statement.iter().any(|words| starts(words))
        || (starts("select ") && (holds("from") || text.contains('(')))
        || (starts("update ") && holds("set"))
        || (starts("with ") && holds("select"))
}

fn read(dir: &Path, files: &mut Vec<Source>) {
    for entry in std::fs::read_dir(dir).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            read(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let name = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
            files.push(Source::new(&name, &std::fs::read_to_string(&path).expect("a source is text")));
        }
    }
}

#[test]
fn the_house_stands() {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 5, "the sources were not found");
    let all: Vec<_> = files.iter().flat_map(faults).collect();
    assert!(all.is_empty(), "{} fault(s)\n{}", all.len(), all.join("\n"));
}

/// The faults of a planted file.
fn planted(path: &str, text: &str) -> Vec<String> {
    faults(&Source::new(path, text))
}

#[test]
fn an_upward_or_sideways_name_is_a_fault() {
    for (path, text) in [
        ("fleet/mod.rs", "use crate::store::Db;"),
        ("fleet/index.rs", "fn f() { let _ = crate::web::live::Hub::new(); }"),
        ("model/ids.rs", "use crate::{clock::Clock};"),
        ("store/mod.rs", "use crate::{config, model::{ids, event::Event}, tracks::{Tracks}};"),
        ("store/bookings.rs", "use super::super::bookings::Bookings;"),
        ("clock.rs", "use super::app;"),
        ("web/mod.rs", "use depotd::cli;"),
        ("web/mod.rs", "use crate::app as a;"),
    ] {
        assert_eq!(planted(path, text).len(), 1, "{path}: {text}");
    }
    assert_eq!(
        planted("fleet/mod.rs", "use crate::model;\n\nuse crate::{\n    clock,\n    web,\n};")[0],
        "fleet/mod.rs:5: `fleet` (floor 4) names `web` (floor 10)"
    );
}

#[test]
fn a_downward_name_a_comment_and_a_test_are_none() {
    for (path, text) in [
        ("web/mod.rs", "use crate::{bookings::Bookings, model::*, store};"),
        ("store/rounds.rs", "use super::journal; use crate::store::Db;"),
        ("fleet/mod.rs", "//! See [`crate::web`].\n/* crate::web /* nested */ crate::app */ fn f() { let _ = \"crate::web\"; }"),
        ("fleet/mod.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n use crate::app::App;\n}"),
        ("fleet/tests.rs", "use crate::app::App;"),
        ("fleet/mirror_tests.rs", "use crate::app::App;"),
        ("lib.rs", "pub use crate::app::App;"),
    ] {
        assert_eq!(planted(path, text), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_module_without_a_floor_is_a_fault() {
    assert_eq!(planted("attic/mod.rs", "").len(), 1);
}

#[test]
fn sql_outside_its_rooms_is_a_fault() {
    let text = "fn f() { q(\"select id from bookings\"); q(r#\"\n UPDATE v set a = 1\"#); q(\"Select a vehicle\"); q(\"update now\"); }";
    let lines: Vec<_> = planted("bookings/mod.rs", text);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(planted("store/bookings.rs", text).is_empty());
}

#[test]
fn a_pure_room_that_waits_is_a_fault() {
    let text = "async fn f() { g().await }";
    assert_eq!(planted("dispatch/plan.rs", text).len(), 2);
    assert_eq!(planted("dispatch/plan/mod.rs", text).len(), 2);
    assert_eq!(planted("pricing/mod.rs", "use tokio::sync::watch;").len(), 1);
    assert!(planted("dispatch/mod.rs", text).is_empty());
    assert!(planted("dispatch/planner.rs", text).is_empty());
}

#[test]
fn model_knows_no_runtime_no_json_values_and_no_database() {
    for text in ["use tokio::time::sleep;", "use serde_json::Value;", "use serde_json::{json, Value};", "fn f(_: &rusqlite::Connection) {}"]
    {
        assert_eq!(planted("model/fix.rs", text).len(), 1, "{text}");
    }
    assert!(planted("model/fix.rs", "use serde::Serialize; struct Value; fn f(tokio_like: u8) {}").is_empty());
}
