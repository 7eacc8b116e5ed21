//! `depotd doctor`: what is wrong with this depot, and how to mend it.

use super::backup::age;
use super::{Common, table};
use crate::backups;
use crate::clock::Clock;
use crate::config;
use crate::model::{DeliveryState, Span, Timestamp};
use crate::notify::mail::Mailer;
use crate::ops::data_dir;
use crate::store::{self, Db, deliveries};
use anyhow::{Result, bail};
use serde_json::json;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A disk that takes longer than this for an fsync makes every acknowledgement slow.
const SLOW_FSYNC: Duration = Duration::from_millis(100);
/// No clock that is right shows a time before this program was written.
const OLDEST_SANE: Timestamp = Timestamp::from_secs(1_767_225_600);

struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
}

impl Finding {
    fn good(what: &'static str, says: impl Into<String>) -> Self {
        Self { what, ok: true, says: says.into() }
    }
    fn bad(what: &'static str, says: impl Into<String>) -> Self {
        Self { what, ok: false, says: says.into() }
    }
}

/// Looks at everything and fails when something is wrong.
pub fn run(common: &Common) -> Result<()> {
    let config = common.settings()?;
    let clock = Clock::system();
    let dir = &config.depot.data_dir;
    let running = data_dir::server(dir);
    let mut findings = vec![time(clock.now())];
    if dir.join("ops.db").exists() {
        findings.extend([
            server(running.as_deref()),
            disk(dir, &clock),
            database(dir),
            privacy(dir),
            owners(dir),
            backups(dir, clock.now()),
            dead_letters(dir, clock.now()),
        ]);
    } else {
        let says = "there is no depot: name its directory with --data-dir, or start `depotd serve` once, which makes one";
        findings.push(Finding::bad("ops.db", format!("{}: {says}", dir.display())));
    }
    findings.extend(config.mail.is_on().then(|| mail(&config.mail)));
    let running = running.is_some();
    for (what, at) in
        [("http.listen", Some(config.http.listen)), ("mqtt.listen", config.mqtt.listen), ("mqtt.tls_listen", config.mqtt.tls_listen)]
    {
        findings.extend(at.map(|at| port(what, at, running)));
    }
    let value: Vec<_> = findings.iter().map(|f| json!({ "what": f.what, "ok": f.ok, "says": f.says })).collect();
    let rows: Vec<_> =
        findings.iter().map(|f| vec![if f.ok { "ok" } else { "WRONG" }.to_owned(), f.what.to_owned(), f.says.clone()]).collect();
    common.print(&json!(value), || table(&["", "WHAT", "FINDING"], &rows, ""));
    match findings.iter().filter(|f| !f.ok).count() {
        0 => Ok(()),
        wrong => bail!("{wrong} thing(s) are wrong"),
    }
}

fn time(now: Timestamp) -> Finding {
    if now < OLDEST_SANE {
        return Finding::bad("clock", format!("shows {now}: set it, for instance with `timedatectl set-ntp true`"));
    }
    Finding::good("clock", format!("shows {now}"))
}

fn disk(dir: &Path, clock: &Clock) -> Finding {
    let probe = dir.join(".doctor");
    let start = clock.monotonic();
    let written = std::fs::File::create(&probe).and_then(|mut file| file.write_all(b"depotd").and_then(|()| file.sync_all()));
    let took = clock.monotonic().duration_since(start);
    // The probe may not exist when writing failed; what counts was found out already.
    drop(std::fs::remove_file(&probe));
    match written {
        Err(e) => Finding::bad("disk", format!("{}: {e}: give the user that runs depotd the right to write there", dir.display())),
        Ok(()) if took > SLOW_FSYNC => Finding::bad("disk", format!("an fsync took {} ms: use a faster disk or card", took.as_millis())),
        Ok(()) => Finding::good("disk", format!("{} takes an fsync in {} ms", dir.display(), took.as_millis())),
    }
}

fn database(dir: &Path) -> Finding {
    let check = |db: Db| {
        db.read_blocking(|c| {
            let says: String = c.pragma_query_value(None, "quick_check", |r| r.get(0))?;
            Ok::<_, crate::store::Error>(says)
        })
    };
    match Db::open(dir).and_then(check) {
        Ok(says) if says == "ok" => Finding::good("ops.db", "is sound"),
        Ok(says) => Finding::bad("ops.db", format!("is damaged: {says}: restore a backup")),
        Err(e) => Finding::bad("ops.db", e.to_string()),
    }
}

fn server(pid: Option<&str>) -> Finding {
    match pid {
        Some(pid) => Finding::good("server", format!("runs as process {pid}")),
        None => Finding::good("server", "does not run: `depotd serve`, or `systemctl start depotd`"),
    }
}

/// A depot that makes no backup for so long has none that is of use.
const BACKUP_DAYS: i64 = 3;

fn backups(dir: &Path, now: Timestamp) -> Finding {
    match backups::list(dir).map(|all| all.into_iter().next()) {
        Err(e) => Finding::bad("backups", e.to_string()),
        Ok(None) if is_new(dir, now) => Finding::good("backups", "there is none yet"),
        Ok(None) => Finding::bad("backups", "there is none: `depotd backup create`, and see that the schedule backup is on"),
        Ok(Some(newest)) => {
            let says = format!("the newest is {} old ({})", age(now.since(newest.at)), newest.name);
            if newest.at + Span::from_secs(BACKUP_DAYS * 86_400) < now {
                return Finding::bad("backups", format!("{says}: see what the schedule backup says"));
            }
            Finding::good("backups", says)
        }
    }
}

/// Was the depot made so lately that it need not have a backup yet?
fn is_new(dir: &Path, now: Timestamp) -> bool {
    let made = dir.join("ops.db").metadata().and_then(|about| about.created()).ok();
    let made = made.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).and_then(|at| i64::try_from(at.as_secs()).ok());
    made.is_some_and(|at| Timestamp::from_secs(at + BACKUP_DAYS * 86_400) > now)
}

/// Does everything belong to the owner of the data directory? What does not, the service cannot open.
fn owners(dir: &Path) -> Finding {
    let mut foreign = Vec::new();
    match dir.metadata().and_then(|about| owned_by_others(dir, about.uid(), &mut foreign)) {
        Err(e) => Finding::bad("owners", format!("{}: {e}: run this as the user that runs depotd", dir.display())),
        Ok(()) if foreign.is_empty() => Finding::good("owners", "everything is the data directory's owner's"),
        Ok(()) => {
            let names: Vec<_> = foreign.iter().take(NAMED).map(|path| path.display().to_string()).collect();
            let says = format!("somebody else owns {}", names.join(", "));
            Finding::bad("owners", format!("{says}: `chown -R --reference={0} {0}`", dir.display()))
        }
    }
}

fn owned_by_others(dir: &Path, owner: u32, foreign: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        // What goes away meanwhile is nobody's.
        let Ok(about) = path.symlink_metadata() else { continue };
        if about.uid() != owner {
            foreign.push(path);
        } else if about.is_dir() {
            owned_by_others(&path, owner, foreign)?;
        }
    }
    Ok(())
}

/// Files that a finding names at most.
const NAMED: usize = 3;

fn privacy(dir: &Path) -> Finding {
    let mut open = Vec::new();
    match open_to_others(dir, &mut open) {
        Err(e) => Finding::bad("permissions", format!("{}: {e}: run this as the user that runs depotd", dir.display())),
        Ok(()) if open.is_empty() => Finding::good("permissions", format!("{} is its owner's alone", dir.display())),
        Ok(()) => {
            let names: Vec<_> = open.iter().take(NAMED).map(|path| path.display().to_string()).collect();
            let more = open.len().checked_sub(NAMED + 1).map_or(String::new(), |n| format!(" and {} more", n + 1));
            Finding::bad("permissions", format!("others can read {}{more}: `chmod -R go= {}`", names.join(", "), dir.display()))
        }
    }
}

/// Adds what of `path` the group or others can reach and read.
fn open_to_others(path: &Path, open: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let about = path.symlink_metadata()?;
    let mode = about.permissions().mode();
    if !about.is_symlink() && mode & 0o044 != 0 {
        open.push(path.to_owned());
    }
    if about.is_dir() && mode & 0o011 != 0 {
        let mut inside = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        inside.sort();
        inside.iter().try_for_each(|path| open_to_others(path, open))?;
    }
    Ok(())
}

/// Dead letters are told so long after they were given up.
const LATELY: Span = Span::from_secs(86_400);

fn dead_letters(dir: &Path, now: Timestamp) -> Finding {
    let question =
        move |c: &rusqlite::Connection| Ok::<_, store::Error>((deliveries::counts(c)?, deliveries::dead_since(c, now - LATELY)?));
    match Db::open(dir).and_then(|db| db.read_blocking(question)) {
        Err(e) => Finding::bad("notifications", e.to_string()),
        Ok((counts, lately)) => {
            let of = |state: DeliveryState| counts.get(state.as_str()).copied().unwrap_or(0);
            let (waiting, dead) = (of(DeliveryState::Waiting), of(DeliveryState::Dead));
            let says = format!("{waiting} wait to be sent, {dead} are dead letters, {lately} of them since a day");
            if lately > 0 {
                return Finding::bad("notifications", format!("{says}: `GET /api/v1/deliveries?state=dead` says why each is one"));
            }
            Finding::good("notifications", says)
        }
    }
}

fn mail(config: &config::Mail) -> Finding {
    let tried = || -> Result<(), String> {
        let mailer = Mailer::new(config).map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(mailer.try_out())
    };
    match tried() {
        Ok(()) => Finding::good("mail", format!("{} answers, and takes our login", config.smtp_url)),
        Err(why) => Finding::bad("mail", format!("{}: {why}: see [mail] in config.toml", config.smtp_url)),
    }
}

fn port(what: &'static str, at: SocketAddr, running: bool) -> Finding {
    match TcpListener::bind(at) {
        Ok(_) => Finding::good(what, format!("{at} is free")),
        Err(_) if running => Finding::good(what, format!("{at} is in use, and a depotd runs here")),
        Err(e) => Finding::bad(what, format!("{at}: {e}: stop what uses it, or set another address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn what_others_can_read_is_told_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let backup = data.join("backups/monday");
        fs::create_dir_all(&backup).unwrap();
        fs::write(data.join("ops.db"), "").unwrap();
        fs::write(backup.join("ops.db"), "").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        for path in [&data.join("ops.db"), &backup.join("ops.db")] {
            set(path, 0o644);
        }
        for path in [&data, &data.join("backups"), &backup] {
            set(path, 0o700);
        }
        assert!(privacy(&data).ok, "what is in a closed directory cannot be reached");
        set(&data, 0o710);
        let found = privacy(&data);
        let (file, data) = (data.join("ops.db"), data.display());
        assert!(!found.ok);
        assert_eq!(found.says, format!("others can read {}: `chmod -R go= {data}`", file.display()));
        set(&backup, 0o755);
        set(&dir.path().join("data/backups"), 0o755);
        set(&dir.path().join("data"), 0o755);
        assert!(privacy(&dir.path().join("data")).says.contains(" and 2 more: `chmod"), "{}", privacy(&dir.path().join("data")).says);
        let mended = std::process::Command::new("chmod").args(["-R", "go="]).arg(dir.path().join("data")).status().unwrap();
        assert!(mended.success() && privacy(&dir.path().join("data")).ok);
    }
}
