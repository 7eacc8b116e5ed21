//! Head office orders, a depot carries out: a real `depotd serve`, `depotd receive` and its commands, a real PostgreSQL.

mod common;
mod upstream_support;

use common::{Depot, PASSWORD, until};
use depotd::batch::{Command as Ordered, SigningKey};
use depotd::clock::Clock;
use depotd::model::Span;
use depotd::office::Office;
use depotd::upstream::sink::tls;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use upstream_support::postgres::{Postgres, ask};

const DEPOT: &str = "lyon-1";

/// Head office: its record, its key, and a receiver where one is wanted.
struct HeadOffice {
    _postgres: Postgres,
    url: String,
    record: tokio_postgres::Client,
    dir: tempfile::TempDir,
    public: String,
    receiver: Option<Child>,
}

fn depotd(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_depotd"));
    command.args(args).current_dir("/");
    command
}

impl HeadOffice {
    async fn open() -> Self {
        let postgres = Postgres::start();
        let url = postgres.url(&postgres.database().await);
        let dir = tempfile::tempdir().unwrap();
        drop(Office::open(&url, None, tls::trusting(None).unwrap()).await.unwrap());
        let record = ask(&url).await;
        let mut office = Self { _postgres: postgres, url, record, dir, public: String::new(), receiver: None };
        office.public = office.run(&["keygen", &office.file("key.pem")], "")["orders_key"].as_str().unwrap().to_owned();
        office
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// A command of head office's side; its JSON answer.
    fn run(&self, args: &[&str], input: &str) -> Value {
        let (ok, out, err) = self.try_run(args, input);
        assert!(ok, "receive {args:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("receive {args:?}: {e}: {out}"))
    }

    fn try_run(&self, args: &[&str], input: &str) -> (bool, String, String) {
        let mut child = depotd(&["receive"]);
        child.args(args).arg("--json").env("DEPOTD_DATABASE", &self.url);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        (out.status.success(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    }

    /// Starts a receiver; where it listens.
    fn receive(&mut self) -> String {
        let mut child = depotd(&["receive", "--listen", "127.0.0.1:0", "--database", &self.url]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.receiver = Some(child);
        serde_json::from_str::<Value>(&line).unwrap()["http"].as_str().unwrap().to_owned()
    }

    /// A depot whose line goes to `url`.
    async fn depot(&self, url: &str, more: &str) -> Depot {
        let settings = format!(
            "[upstream]\ndepot = \"{DEPOT}\"\norders_s = 1\norders_key = \"{}\"\nretry_ms = 50\nretry_most_s = 1\ntimeout_ms = 5000\n
             [[upstream.sinks]]\nname = \"office\"\nurl = \"{url}\"\norders = true\n{more}",
            self.public
        );
        let file = self.file("depot.toml");
        std::fs::write(&file, settings).unwrap();
        Depot::start_with(&["--config", &file]).await
    }

    /// Gives an order by the command; its name.
    fn order(&self, kind: &str, data: &Value, more: &[&str]) -> String {
        let key = self.file("key.pem");
        let args = [&["order", DEPOT, "--kind", kind, "--key", &key][..], more].concat();
        self.run(&args, &data.to_string())["cmd_id"].as_str().unwrap().to_owned()
    }

    /// What the depot said of an order: the outcome and all the rest.
    async fn answer(&self, cmd_id: &str) -> (String, Value) {
        until(&format!("an answer to {cmd_id}"), async || {
            let sql = "select outcome, result::text from depotd.command where cmd_id = $1 and outcome is not null";
            let row = self.record.query_opt(sql, &[&cmd_id]).await.unwrap()?;
            Some((row.get(0), serde_json::from_str(row.get(1)).unwrap()))
        })
        .await
    }

    async fn ordered(&self, kind: &str, data: &Value, more: &[&str]) -> (String, Value) {
        self.answer(&self.order(kind, data, more)).await
    }

    async fn applied(&self, kind: &str, data: &Value, more: &[&str]) -> Value {
        let (outcome, said) = self.ordered(kind, data, more).await;
        assert_eq!(outcome, "applied", "{said}");
        said
    }

    async fn rejected(&self, reason: &str, kind: &str, data: &Value, more: &[&str]) -> Value {
        let (outcome, said) = self.ordered(kind, data, more).await;
        assert_eq!((outcome.as_str(), said["reason"].as_str()), ("rejected", Some(reason)), "{said}");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{said}");
        said
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_pem(&std::fs::read_to_string(self.file("key.pem")).unwrap()).unwrap()
    }

    /// Puts an order into the record as anybody could who can write there.
    async fn put(&self, row: &str, command: &str, signature: &str) {
        self.record.query_one("select depotd.order_depot($1, $2, $3, $4)", &[&DEPOT, &row, &command, &signature]).await.unwrap();
    }

    async fn count(&self, sql: &str) -> i64 {
        self.record.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl Drop for HeadOffice {
    fn drop(&mut self) {
        if let Some(mut child) = self.receiver.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn trip(customer: &str) -> Value {
    json!({"pickup": {"lat": 45.75, "lon": 4.85}, "dropoff": {"lat": 45.76, "lon": 4.9}, "customer": customer})
}

fn command(cmd_id: &str, depot: &str, holds: Span) -> Ordered {
    let now = Clock::system().now();
    let Value::Object(data) = trip(cmd_id) else { unreachable!() };
    Ordered {
        cmd_id: cmd_id.to_owned(),
        depot: depot.to_owned(),
        kind: "booking.create".to_owned(),
        target: None,
        expected_version: None,
        issued_at: now,
        expires_at: now + holds,
        data,
    }
}

fn text(command: &Ordered) -> String {
    serde_json::to_string(command).unwrap()
}

const HOUR: Span = Span::from_secs(3_600);

async fn patch(depot: &Depot, id: &str, change: Value) -> common::http::Answer {
    let request = depot.http().request(Method::PATCH, &format!("/api/v1/bookings/{id}"));
    common::http::Answer::of(request.header("If-Match", "*").json(&change)).await
}

async fn metric(depot: &Depot, outcome: &str) -> u64 {
    let metrics = depot.http().get("/metrics").await.text;
    let name = format!("depotd_orders_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or_else(|| panic!("no {name}in {metrics}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bookings_are_placed_changed_and_called_off_and_each_side_keeps_its_fields() {
    let mut office = HeadOffice::open().await;
    let url = office.receive();
    std::fs::write(office.file("token"), office.run(&["enrol", DEPOT], "")["token"].as_str().unwrap()).unwrap();
    let depot = office.depot(&url, &format!("secret_file = \"{}\"", office.file("token"))).await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let path = format!("/api/v1/bookings/{id}");

    let said = office.applied("booking.create", &trip("Ana"), &["--target", id]).await;
    assert_eq!((said["target"].as_str(), said["current"]["version"].as_u64()), (Some(id), Some(1)));
    let booking = depot.http().get(&path).await.ok();
    assert_eq!((booking["origin"].as_str(), booking["customer"].as_str()), (Some("head_office"), Some("Ana")));
    let events = depot.http().get(&format!("{path}/events")).await.ok();
    assert_eq!(events["items"][0]["actor"], "head_office");
    office.rejected("exists", "booking.create", &trip("Ben"), &["--target", id]).await;

    let at = |version: &'static str| ["--target", id, "--expected-version", version];
    let said = office.applied("booking.change", &json!({"notes": "ring twice", "priority": "high"}), &at("1")).await;
    assert_eq!((said["current"]["version"].as_u64(), said["current"]["customer"].as_str()), (Some(2), Some("Ana")));
    let said = office.rejected("stale", "booking.change", &json!({"notes": "ring once"}), &at("1")).await;
    assert_eq!((said["current"]["version"].as_u64(), said["current"]["notes"].as_str()), (Some(2), Some("ring twice")));
    let said =
        office.rejected("depots_own", "booking.change", &json!({"status": "delivered", "vehicle_id": "v", "notes": "x"}), &at("2")).await;
    assert_eq!(
        said["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect::<Vec<_>>(),
        ["status", "vehicle_id"]
    );
    let said = office.rejected("invalid", "booking.change", &json!({"colour": "red", "pickup": {"lat": 99}}), &at("2")).await;
    assert_eq!(said["errors"].as_array().unwrap().len(), 2, "{said}");
    office.rejected("invalid", "booking.change", &json!({"notes": "x"}), &["--target", id]).await;
    office.rejected("unknown", "booking.cancel", &json!({"reason": "x"}), &["--target", "01890a5d-ac96-774b-bcce-b302099a8058"]).await;
    office.rejected("unsupported", "weather.set", &json!({"name": "fair"}), &[]).await;

    let price = async || {
        let quote = depot.http().post("/api/v1/quotes", trip("Ana")).await.ok();
        quote["price"]["amount_minor"].as_i64().unwrap()
    };
    let before = price().await;
    office.applied("tariff.set", &json!({"minimum_minor": before + 4_200}), &[]).await;
    until("the tariff from above", async || (price().await == before + 4_200).then_some(())).await;
    let settings = depot.http().get("/api/v1/settings").await.ok();
    let minimum = settings["items"].as_array().unwrap().iter().find(|s| s["key"] == "tariff.minimum_minor").unwrap();
    assert_eq!(minimum["origin"], "head_office", "{minimum}");
    let said = office.rejected("invalid", "settings.set", &json!({"http.listen": "0.0.0.0:1", "dispatch.slack_s": 60}), &[]).await;
    assert_eq!((said["errors"].as_array().unwrap().len(), &said["errors"][0]["field"]), (1, &json!("http.listen")), "{said}");
    office.applied("settings.clear", &json!({"keys": ["tariff.minimum_minor"]}), &[]).await;
    until("the depot's own tariff", async || (price().await == before).then_some(())).await;

    let ring = json!([[4.0, 45.0], [5.0, 45.0], [5.0, 46.0], [4.0, 46.0], [4.0, 45.0]]);
    let zone = json!({"id": "valley", "name": "Valley", "area": {"type": "Polygon", "coordinates": [ring]}});
    office.applied("zone.put", &zone, &[]).await;
    let tariff = json!({"name": "From above", "currency": "EUR", "zones": {"valley": {"base_minor": 7_700}}});
    office.applied("tariff.publish", &json!({"tariff": tariff}), &[]).await;
    assert_eq!(price().await, 7_700);
    office.rejected("invalid", "tariff.set", &json!({"base_minor": 1}), &[]).await;
    office.rejected("refused", "zone.delete", &json!({"id": "valley"}), &[]).await;
    office.rejected("invalid", "zone.put", &json!({"id": "hill"}), &[]).await;

    let problem = patch(&depot, id, json!({"notes": "ring once", "customer": "Ben", "load_kg": 80})).await.problem(409);
    assert_eq!(
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect::<Vec<_>>(),
        ["customer", "notes"]
    );
    assert!(problem["detail"].as_str().unwrap().contains("head office placed this booking"), "{problem}");
    assert_eq!(patch(&depot, id, json!({"load_kg": 80, "skills": ["tail_lift"]})).await.ok()["load_kg"], 80);
    let called_off = depot.http().post(&format!("{path}/cancel"), json!({"reason": "customer rang"})).await.problem(409);
    assert!(called_off["detail"].as_str().unwrap().contains("only head office calls it off"), "{called_off}");

    depot.new_device("van-1");
    let by_hand = json!({"vehicle_id": "van-1", "override": true, "reason": "it is there"});
    depot.http().post(&format!("{path}/assign"), by_hand).await.ok();
    let said = office.rejected("accepted", "booking.cancel", &json!({"reason": "not wanted"}), &["--target", id]).await;
    assert_eq!((said["current"]["status"].as_str(), said["current"]["vehicle_id"].as_str()), (Some("assigned"), Some("van-1")));
    let version = said["current"]["version"].to_string();
    let now = ["--target", id, "--expected-version", &version];
    let said = office.rejected("fixed", "booking.change", &json!({"skills": ["cold"]}), &now).await;
    assert_eq!(said["errors"][0]["field"], "skills");
    depot.http().post(&format!("{path}/cancel"), json!({"reason": "customer rang"})).await.ok();
    // It is what head office wanted, so it is done.
    office.applied("booking.cancel", &json!({"reason": "not wanted"}), &["--target", id]).await;
    let reopened = depot.http().post(&format!("{path}/reopen"), json!({})).await.problem(409);
    assert!(reopened["detail"].as_str().unwrap().contains("ask head office"), "{reopened}");

    let said = office.applied("booking.create", &trip("Eve"), &[]).await;
    let other = said["target"].as_str().unwrap().to_owned();
    let said = office.applied("booking.cancel", &json!({"reason": "not wanted"}), &["--target", &other, "--expected-version", "1"]).await;
    assert_eq!((said["current"]["status"].as_str(), said["current"]["cancel_reason"].as_str()), (Some("cancelled"), Some("not wanted")));
    let own = depot.http().post("/api/v1/bookings", trip("Own")).await.ok();
    let own_id = own["id"].as_str().unwrap();
    office.applied("booking.change", &json!({"customer": "Owner"}), &["--target", own_id, "--expected-version", "1"]).await;
    assert_eq!(patch(&depot, own_id, json!({"customer": "Own again"})).await.ok()["customer"], "Own again");
    assert!(own["origin"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_head_offices_word_is_refused_and_what_came_before_stays_done_once() {
    let office = HeadOffice::open().await;
    let mut depot = office.depot(&office.url, "").await;
    let key = office.key();
    let placed = async || depot.http().get("/api/v1/bookings").await.ok()["items"].as_array().unwrap().len();

    let late = text(&command("late", DEPOT, Span::from_secs(-1)));
    office.put("late", &late, &key.sign(&late)).await;
    let (outcome, said) = office.answer("late").await;
    assert_eq!((outcome.as_str(), said["reason"].as_str()), ("expired", Some("expired")));

    let good = text(&command("good", DEPOT, HOUR));
    office.put("good", &good, &key.sign(&good)).await;
    assert_eq!(office.answer("good").await.0, "applied");
    // The same again, by somebody who can write into the record; another under its name; one for another depot; and forgeries.
    office.put("replayed", &good, &key.sign(&good)).await;
    let other = text(&Ordered { expected_version: Some(7), ..command("good", DEPOT, HOUR) });
    office.put("other", &other, &key.sign(&other)).await;
    let foreign = text(&command("foreign", "paris-2", HOUR));
    office.put("foreign", &foreign, &key.sign(&foreign)).await;
    let (stranger, _) = SigningKey::generate().unwrap();
    let forged = text(&command("forged", DEPOT, HOUR));
    office.put("forged", &forged, &stranger.sign(&forged)).await;
    let garbled = text(&command("garbled", DEPOT, HOUR));
    office.put("garbled", &garbled, &key.sign(&good)).await;
    for row in ["other", "foreign", "forged", "garbled"] {
        assert_eq!(office.answer(row).await.0, "refused", "{row}");
    }
    let half = text(&command("half", DEPOT, HOUR)).replace("\"kind\"", "\"urgent\":true,\"kind\"");
    office.put("half", &half, &key.sign(&half)).await;
    assert_eq!(office.answer("half").await.1["reason"], "invalid");

    for n in 0..60 {
        office.put(&format!("junk{n}"), &format!("{{\"junk\":{n}}}"), "AAAA").await;
    }
    let last = text(&command("last", DEPOT, HOUR));
    office.put("last", &last, &key.sign(&last)).await;
    assert_eq!(office.answer("last").await.0, "applied");
    assert_eq!((placed().await, metric(&depot, "refused").await, metric(&depot, "repeated").await), (2, 64, 1));
    assert_eq!(metric(&depot, "expired").await, 1);
    let noted = "select count(*) from depotd.event where kind = 'command.refused'";
    assert_eq!(office.count(noted).await, 20, "so many an hour at most");

    let listed = depot.http().get("/api/v1/sync/orders?limit=3").await.ok();
    let names =
        |list: &Value| list["items"].as_array().unwrap().iter().map(|i| i["cmd_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&listed), ["last", "half", "good"]);
    let rest = depot.http().get(&format!("/api/v1/sync/orders?cursor={}", listed["next"].as_str().unwrap())).await.ok();
    assert_eq!((names(&rest), rest["items"][0]["outcome"].as_str()), (vec!["late".to_owned()], Some("expired")));
    depot.http_as("").get("/api/v1/sync/orders").await.problem(401);
    depot.http().get("/api/v1/sync/orders?cursor=x").await.problem(422);

    // A restart, and a reading from the first order on: everything was answered.
    depot.restart().await;
    depot.http().post("/api/v1/sync/office/flush", json!({})).await;
    until("the old orders to be read again", async || (metric(&depot, "repeated").await >= 5).then_some(())).await;
    let again = text(&command("again", DEPOT, HOUR));
    office.put("again", &again, &key.sign(&again)).await;
    assert_eq!(office.answer("again").await.0, "applied");
    let bookings = depot.http().get("/api/v1/bookings").await.ok();
    assert_eq!(bookings["items"].as_array().unwrap().len(), 3);
    let answered = "select count(*) from depotd.event where kind in ('command.applied', 'command.rejected', 'command.expired')";
    assert_eq!(office.count(answered).await, 5);
    assert!(depot.command(&["audit", "verify"]).is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_let_in_and_out_and_the_last_admin_stays() {
    let office = HeadOffice::open().await;
    let depot = office.depot(&office.url, "").await;
    depot.new_user("boss", "admin").await;
    let hash: String = rusqlite::Connection::open(depot.data_dir().join("ops.db"))
        .unwrap()
        .query_row("select password_hash from users where name = 'boss'", [], |row| row.get(0))
        .unwrap();
    let stranger = depot.http_as("");

    office.applied("user.set", &json!({"name": "ana", "role": "dispatcher", "password_hash": hash}), &[]).await;
    stranger.sign_in("ana", PASSWORD).await.ok();
    office.applied("user.set", &json!({"name": "ben", "role": "viewer"}), &[]).await;
    stranger.sign_in("ben", PASSWORD).await.problem(401);
    let users = depot.http().get("/api/v1/users").await.ok();
    let roles: Vec<_> =
        users["items"].as_array().unwrap().iter().map(|u| (u["name"].as_str().unwrap(), u["role"].as_str().unwrap())).collect();
    assert_eq!(roles, [("ana", "dispatcher"), ("ben", "viewer"), ("boss", "admin")]);

    office.rejected("last_admin", "user.disable", &json!({"name": "boss"}), &[]).await;
    office.rejected("last_admin", "user.set", &json!({"name": "boss", "role": "viewer"}), &[]).await;
    stranger.sign_in("boss", PASSWORD).await.ok();
    office.applied("user.disable", &json!({"name": "ana"}), &[]).await;
    stranger.sign_in("ana", PASSWORD).await.problem(401);
    let weak =
        json!({"name": "eve", "role": "admin", "password_hash": "$argon2id$v=19$m=4194304,t=9000,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"});
    let said = office.rejected("invalid", "user.set", &weak, &[]).await;
    assert_eq!(said["errors"][0]["field"], "password_hash");
    office.rejected("invalid", "user.set", &json!({"name": "eve", "role": "king", "password": "open"}), &[]).await;
    office.rejected("unknown", "user.disable", &json!({"name": "eve"}), &[]).await;
    // Nobody reads a hash in what the depot tells.
    let secret = hash.rsplit('$').next().unwrap();
    for (table, column) in [("event", "data"), ("audit", "detail"), ("row", "row")] {
        let told = format!("select count(*) from depotd.{table} where {column}::text like '%{secret}%'");
        assert_eq!(office.count(&told).await, 0, "{table}");
    }

    let listed = office.run(&["orders", DEPOT], "");
    let newest = &listed["items"][0];
    assert_eq!(
        (newest["kind"].as_str(), newest["outcome"].as_str(), newest["reason"].as_str()),
        (Some("user.disable"), Some("rejected"), Some("unknown"))
    );
    let (ok, _, err) = office.try_run(&["keygen", &office.file("key.pem")], "");
    assert!(!ok && err.contains("exists"), "a key is not written over: {err}");
    let (ok, _, err) = office.try_run(&["order", DEPOT, "--kind", "user.disable", "--key", &office.file("depot.toml")], "{}");
    assert!(!ok && err.contains("no Ed25519 key"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_depot_is_killed_each_order_is_carried_out_once_and_answered() {
    const ROUNDS: usize = 4;
    const ORDERS: usize = 200;
    let office = HeadOffice::open().await;
    let mut depot = office.depot(&office.url, "").await;
    let key = office.key();
    let answered = {
        let ops = rusqlite::Connection::open(depot.data_dir().join("ops.db")).unwrap();
        move || {
            let count: i64 = ops.query_row("select count(*) from orders", [], |row| row.get(0)).unwrap();
            usize::try_from(count).unwrap()
        }
    };
    let mut cut_short = 0;
    for round in 0..ROUNDS {
        let names: Vec<String> = (0..ORDERS / ROUNDS).map(|n| format!("order{}", round * ORDERS / ROUNDS + n)).collect();
        let texts: Vec<String> = names.iter().map(|name| text(&command(name, DEPOT, HOUR))).collect();
        let signatures: Vec<String> = texts.iter().map(|text| key.sign(text)).collect();
        let sql = "select depotd.order_depot($1, n, c, s) from unnest($2::text[], $3::text[], $4::text[]) as t (n, c, s)";
        office.record.query(sql, &[&DEPOT, &names, &texts, &signatures]).await.unwrap();
        // It reads them all at once, and is killed while it carries them out.
        let before = answered();
        until("the depot to be at it", async || (answered() >= before + 3).then_some(())).await;
        depot.signal("KILL");
        depot.ended().await;
        cut_short += usize::from(answered() < before + ORDERS / ROUNDS);
        depot.launch().await;
        until("the rest to be carried out", async || (answered() == before + ORDERS / ROUNDS).then_some(())).await;
    }
    assert!(cut_short > 0, "it was never killed in the middle");
    for n in 0..ORDERS {
        assert_eq!(office.answer(&format!("order{n}")).await.0, "applied", "order{n}");
    }
    let bookings = depot.http().get("/api/v1/bookings?limit=500").await.ok();
    let mut customers: Vec<_> = bookings["items"].as_array().unwrap().iter().map(|b| b["customer"].as_str().unwrap().to_owned()).collect();
    customers.sort();
    customers.dedup();
    assert_eq!((customers.len(), bookings["items"].as_array().unwrap().len()), (ORDERS, ORDERS));
    let twice =
        "select count(*) from (select data->>'cmd_id' from depotd.event where kind like 'command.%' group by 1 having count(*) > 1) t";
    assert_eq!(office.count(twice).await, 0);
}
