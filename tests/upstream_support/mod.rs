//! A depot's truths without the rest of a depot, a line to a sink, and head office's record to compare with.
#![allow(dead_code, clippy::disallowed_methods, clippy::allow_attributes, reason = "each test file uses its part; a test is its own app")]

pub mod kafka;
pub mod mosquitto;
pub mod nats;
pub mod office;
pub mod postgres;
pub mod proxy;
pub mod run;

use depotd::auth::Auth;
use depotd::batch::{self, Batch, Line, Record, RowState};
use depotd::bookings::Bookings;
use depotd::clock::Clock;
use depotd::config::{self, SinkSettings};
use depotd::fleet::Fleet;
use depotd::model::{Actor, Fix, Flags, Kind, Lane, LineMode, Place, Span, VehicleId};
use depotd::orders::Orders;
use depotd::settings::{Base, Settings};
use depotd::sim::rng::Rng;
use depotd::store::{self, Db, audit, journal};
use depotd::sync::Sync;
use depotd::tracks::Tracks;
use depotd::upstream::{self, Deps, Outgoing};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// No wait in a test is longer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a depot knows.
pub struct Truths {
    pub dir: PathBuf,
    pub db: Db,
    pub tracks: Tracks,
    pub fleet: Fleet,
    pub clock: Clock,
    written: i64,
}

impl Truths {
    pub fn open(dir: &Path) -> Self {
        let clock = Clock::system();
        let db = Db::open(dir).unwrap();
        let tracks = Tracks::open(dir, &config::Tracks { commit_window_ms: 1, ..config::Tracks::default() }, clock.clone()).unwrap();
        Self { dir: dir.to_owned(), db, tracks, fleet: Fleet::new(&config::Fleet::default()), clock, written: 0 }
    }

    /// Something happens: events, audit entries, rows that come, change and go.
    pub async fn live(&mut self, rng: &mut Rng, changes: usize) {
        for _ in 0..changes {
            self.written += 1;
            let (user, at, kind) = (format!("user{}", rng.index(20)), self.clock.now(), rng.index(10));
            let data = format!("{{\"n\": {}, \"text\":\"{}\"}}", self.written, "é\\u0000".repeat(rng.index(30)));
            let change = move |tx: &rusqlite::Transaction<'_>| -> store::Result<()> {
                let kind = match kind {
                    0 => Kind::BookingLate,
                    _ => Kind::AccessChanged,
                };
                journal::append(tx, &journal::NewEvent { at, kind, actor: &Actor::System, booking: None, vehicle: None, data: &data })?;
                audit::append(tx, at, &Actor::User(user.clone()), "user.change", &user, &data)?;
                tx.execute(
                    "insert into users (name, role, password_hash, created_at) values (?1, 'viewer', 'secret', 1)
                     on conflict (name) do update set created_at = created_at + 1",
                    [&user],
                )?;
                if kind == Kind::BookingLate {
                    tx.execute("delete from users where name = ?1", [&user])?;
                }
                Ok(())
            };
            self.db.write(change).await.unwrap();
        }
    }

    /// Vehicles report, and what they reported becomes history.
    pub async fn drive(&mut self, rng: &mut Rng, fixes: i64) {
        let now = self.clock.now();
        let (lat, shift) = (42.5 + rng.unit() / 10.0, i64::try_from(rng.index(86_400)).unwrap());
        let fix = |n: i64| Fix {
            vehicle: VehicleId::new(&format!("van{}", n % 3)).unwrap(),
            ts: now - Span::from_secs(shift + n),
            received: now,
            place: Place::new(lat + n as f64 * 1e-5, 1.5).unwrap(),
            speed_kmh: Some(30.0),
            course: None,
            accuracy_m: Some(4.0),
            ignition: Some(true),
            battery: None,
            flags: Flags::default(),
            extras: None,
        };
        let fixes: Vec<Fix> = (0..fixes).map(fix).collect();
        self.fleet.observe_all(&fixes);
        let last = self.tracks.append(fixes).await.unwrap();
        self.tracks.durable().wait_for(|&d| d >= last).await.unwrap();
        self.tracks.compact().await.unwrap();
    }

    /// A line with little patience.
    pub fn line(&self, sync: &Sync, config: &config::Upstream) -> upstream::Line {
        let settings = config.sinks[0].clone();
        let all = config::Config::default();
        let bookings = Bookings::new(self.db.clone(), &all, self.clock.clone());
        let auth = Auth::new(self.db.clone(), &all.mqtt, self.clock.clone());
        let base = Base { config: all, origins: config::Origins::default() };
        let own = Settings::open(self.db.clone(), base, self.clock.clone()).unwrap();
        let deps = Deps {
            db: self.db.clone(),
            sync: sync.clone(),
            orders: Orders::new(self.db.clone(), bookings, auth, own, config, self.clock.clone()),
            clock: self.clock.clone(),
            config: config.clone(),
            zone: "UTC".into(),
        };
        let outgoing = Outgoing {
            db: self.db.clone(),
            tracks: self.tracks.clone(),
            fleet: self.fleet.clone(),
            clock: self.clock.clone(),
            depot: config.depot.clone(),
            credentials: settings.credentials,
            history: Span::from_secs(14 * 86_400),
        };
        upstream::Line::new(deps, settings, outgoing).unwrap()
    }

    /// Sends until everything has arrived.
    pub async fn drain(&self, config: &config::Upstream) {
        let sync = Sync::new(self.db.clone(), config, self.clock.clone());
        let cancel = CancellationToken::new();
        let work = tokio::spawn(self.line(&sync, config).run(cancel.clone()));
        self.drained(&sync).await;
        cancel.cancel();
        work.await.unwrap();
    }

    /// Waits until a line has nothing more to send.
    pub async fn drained(&self, sync: &Sync) {
        let drained = async {
            loop {
                let status = sync.status().remove(0);
                if status.mode == LineMode::Live && status.lanes.iter().all(|lane| lane.backlog == 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, drained).await.is_err() {
            panic!("not drained within {PATIENCE:?}: {:?}", sync.status());
        }
    }
}

/// Settings of a line to `url`, quick to fail and to try again.
pub fn settings(depot: &str, url: &str) -> config::Upstream {
    let sink: SinkSettings = toml::from_str(&format!("name = \"office\"\nurl = \"{url}\"")).unwrap();
    config::Upstream {
        depot: depot.to_owned(),
        sinks: vec![sink],
        timeout_ms: 400,
        retry_ms: 2,
        retry_most_s: 1,
        live_s: 1,
        ..config::Upstream::default()
    }
}

/// What a depot has, in the words of the record.
#[derive(Debug, PartialEq, Default)]
pub struct Content {
    /// Journal number and data, in order.
    pub events: Vec<(i64, String)>,
    /// Audit number and hash, in order.
    pub audit: Vec<(i64, String)>,
    /// Users and how often they were changed.
    pub users: BTreeMap<String, i64>,
    /// Vehicle, time and latitude of every fix, sorted.
    pub fixes: Vec<(String, i64, i64)>,
}

#[expect(clippy::cast_possible_truncation, reason = "degrees in steps of 1e-7")]
pub fn e7(degrees: f64) -> i64 {
    (degrees * 1e7).round() as i64
}

impl Content {
    /// What the depot has.
    pub async fn of_depot(truths: &Truths) -> Self {
        let mut content = truths
            .db
            .read(|c| -> store::Result<Self> {
                let rows = |sql: &str| -> store::Result<Vec<(i64, String)>> {
                    Ok(c.prepare(sql)?.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
                };
                let users = c
                    .prepare("select name, created_at from users")?
                    .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(Self {
                    events: rows("select seq, data from journal order by seq")?,
                    audit: rows("select seq, hash from audit order by seq")?,
                    users,
                    fixes: Vec::new(),
                })
            })
            .await
            .unwrap();
        let tracks = truths.tracks.clone();
        let read = move || {
            let mut fixes = Vec::new();
            let each = |run: depotd::tracks::Run<'_>| {
                fixes.extend(
                    run.fixes().map(|fix| fix.unwrap()).map(|f| (f.vehicle.as_str().to_owned(), f.ts.as_millis(), e7(f.place.lat()))),
                );
                true
            };
            tracks.runs_after(0, each).unwrap();
            fixes.sort();
            fixes
        };
        content.fixes = tokio::task::spawn_blocking(read).await.unwrap();
        content
    }

    /// What `batches` say, all that there are of a depot, in the order in which they are kept. Panics when something is there twice
    /// or out of order.
    pub fn of_batches(batches: &[Batch]) -> Self {
        let (mut content, mut events, mut audit) = (Self::default(), BTreeMap::new(), BTreeMap::new());
        let mut rows: BTreeMap<String, Option<i64>> = BTreeMap::new();
        let mut through: BTreeMap<(String, Lane), i64> = BTreeMap::new();
        for batch in batches.iter().filter(|batch| batch.span.lane.is_durable()) {
            let span = &batch.span;
            let before = through.insert((span.epoch.clone(), span.lane), span.last).unwrap_or(span.epoch_from - 1);
            assert_eq!(before + 1, span.first, "twice or out of order: {span:?}");
            let text = batch.unpack().unwrap();
            for Line { seq, record } in batch.records(&text).unwrap() {
                match record {
                    Record::Event(event) => drop(events.insert(seq, (event.journal_seq, event.data.get().to_owned()))),
                    Record::Audit(entry) => drop(audit.insert(seq, (entry.audit_seq, entry.hash))),
                    Record::Row(RowState { table, key, row }) if table == "users" => {
                        let count = row.map(|row| row["created_at"].as_i64().unwrap());
                        rows.insert(key[0].as_str().unwrap().to_owned(), count);
                    }
                    Record::Track(track) => {
                        let of = |fix: &batch::Place| (track.vehicle.as_str().to_owned(), fix.ts, e7(fix.lat));
                        content.fixes.extend(track.fixes.iter().map(of));
                    }
                    _ => {}
                }
            }
        }
        content.events = events.into_values().collect();
        content.audit = audit.into_values().collect();
        content.users = rows.into_iter().filter_map(|(name, count)| Some((name, count?))).collect();
        content.fixes.sort();
        content
    }

    /// In what `other` differs, in short.
    pub fn unlike(&self, other: &Self) -> String {
        let (ours, theirs) = (format!("{self:#?}"), format!("{other:#?}"));
        let at = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b);
        let part = |text: &str| text.lines().skip(at.unwrap_or(0).saturating_sub(6)).take(14).collect::<Vec<_>>().join("\n");
        let count = |c: &Self| [c.events.len(), c.audit.len(), c.users.len(), c.fixes.len()];
        format!("events, audit, users, fixes: {:?} and {:?}\n{}\n\n{}", count(self), count(other), part(&ours), part(&theirs))
    }

    /// What head office's record has of `depot`.
    pub async fn of_record(client: &tokio_postgres::Client, depot: &str) -> Self {
        let rows = async |sql: &str| client.query(sql, &[&depot]).await.unwrap();
        let pairs = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|r| (r.get(0), r.get(1))).collect();
        let events = rows("select journal_seq, data::text from depotd.event where depot = $1 order by seq, journal_seq").await;
        let mut events: Vec<(i64, String)> = pairs(events);
        // The lanes of one journal are numbered together, so they are one order.
        assert!(events.windows(2).all(|w| w[0].0 < w[1].0), "out of order or twice: {events:?}");
        events.iter_mut().for_each(|(_, data)| *data = data.replace("\\ufffd", "\\u0000"));
        let users = rows(
            "select row->>'name', (row->>'created_at')::bigint from depotd.row where depot = $1 and tbl = 'users' and row is not null",
        )
        .await;
        let fixes =
            rows("select vehicle, (extract(epoch from ts) * 1000)::bigint, lat from depotd.fix where depot = $1 order by 1, 2, 3").await;
        Self {
            events,
            audit: pairs(rows("select audit_seq, hash from depotd.audit where depot = $1 order by seq").await),
            users: users.iter().map(|r| (r.get(0), r.get(1))).collect(),
            fixes: fixes.iter().map(|r| (r.get(0), r.get(1), e7(r.get(2)))).collect(),
        }
    }
}

/// A batch that says of every number of its span that it is lost.
pub fn batch(lane: Lane, first: i64, last: i64) -> Batch {
    let span = batch::Span { depot: "lyon".to_owned(), epoch: "e1".to_owned(), epoch_from: 1, lane, first, last };
    let gap = |seq: i64| format!("{{\"seq\":{seq},\"type\":\"gap\",\"first\":{seq},\"last\":{seq},\"reason\":\"test\"}}\n");
    let lines: String = (first..=last).map(gap).collect();
    Batch::pack(span, (last - first + 1).cast_unsigned(), 0, lines.as_bytes()).unwrap()
}
