//! Notifications of a depot in its own process, with real receivers: what is to be said is said, or is a dead letter with its reason.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::port::Closed;
use common::smtp::{Letter, Manner, Smtp, Tls};
use common::{Depot, until};
use depotd::clock::Clock;
use depotd::model::Day;
use serde_json::{Value, json};

async fn with_mail(smtp: &Smtp, more: &[&str]) -> Depot {
    let settings = smtp.settings();
    let all: Vec<&str> = settings.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Depot::start_with(&all).await
}

/// A schedule that sends yesterday's operations to these.
async fn report_to(depot: &Depot, mail_to: &[&str]) -> String {
    let wish = json!({"name": "To the boss", "kind": "report", "cron": "0 6 * * *", "attempts": 1, "report": {"mail_to": mail_to}});
    depot.http().post("/api/v1/schedules", wish).await.ok()["id"].as_str().unwrap().to_owned()
}

/// What the doctor says of that under these settings.
fn doctors_word(depot: &Depot, settings: &[String], what: &str) -> Value {
    let settings = settings.iter().filter_map(|setting| setting.split_once('='));
    let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_depotd"));
    doctor.env("DEPOTD_DEPOT__DATA_DIR", depot.data_dir()).envs(settings.map(|(key, value)| (format!("DEPOTD_{key}"), value)));
    let told: Value = serde_json::from_slice(&doctor.args(["doctor", "--json"]).output().unwrap().stdout).unwrap();
    told.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap().clone()
}

async fn run(depot: &Depot, schedule: &str) -> Value {
    assert_eq!(depot.http().post(&format!("/api/v1/schedules/{schedule}/run"), json!({})).await.status, 202);
    until("the run to end", async || {
        let runs = depot.http().get(&format!("/api/v1/schedules/{schedule}/runs")).await.ok();
        let run = runs["items"][0].clone();
        (run["result"] != "running" && !run.is_null()).then_some(run)
    })
    .await
}

async fn letters(smtp: &Smtp, count: usize) -> Vec<Letter> {
    until("the letters", async || Some(smtp.letters()).filter(|letters| letters.len() >= count)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_goes_by_mail_to_everybody_it_is_for() {
    let (smtp, dir) = (Smtp::start().await, tempfile::tempdir().unwrap());
    let secret = dir.path().join("password");
    std::fs::write(&secret, "hunter2\n").unwrap();
    let password = format!("MAIL__PASSWORD_FILE={}", secret.display());
    let depot = with_mail(&smtp, &["MAIL__USER=depot", &password, "DEPOT__NAME=Lyon Süd"]).await;
    let api = depot.http();
    let place = |lon: f64| json!({"lat": 42.5, "lon": lon});
    api.post("/api/v1/bookings", json!({"pickup": place(1.5), "dropoff": place(1.6)})).await.ok();
    let id = report_to(&depot, &["boss@example.com", "ana@example.com"]).await;
    let shown = api.get(&format!("/api/v1/schedules/{id}")).await.ok();
    assert_eq!(shown["report"], json!({"name": "operations", "period": "day", "mail_to": ["boss@example.com", "ana@example.com"]}));
    let yesterday = Day::of(Clock::system().now(), "UTC").previous().to_string();
    let run = run(&depot, &id).await;
    assert_eq!(run["result"], "ok", "{run}");
    let said = run["message"].as_str().unwrap();
    assert!(said.contains(&yesterday) && said.ends_with("1 rows go by mail to boss@example.com, ana@example.com"), "{said}");
    let mut got = letters(&smtp, 2).await;
    got.sort_by(|a, b| a.to.cmp(&b.to));
    assert_eq!(got.iter().map(|l| l.to.as_str()).collect::<Vec<_>>(), ["ana@example.com", "boss@example.com"]);
    let letter = &got[0];
    assert_eq!(
        (letter.from.as_str(), letter.header("From"), letter.header("To")),
        ("depot@depot.example", "depot@depot.example", "ana@example.com")
    );
    assert!(letter.header("Message-ID").ends_with("@depot.example>") && letter.header("Message-ID") != got[1].header("Message-ID"));
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    for part in ["text/plain", "text/html", "text/csv", &format!("operations-{yesterday}.csv")] {
        assert!(letter.data.contains(part), "{part} in {}", letter.data);
    }
    assert!(letter.data.contains(&format!("\r\n{yesterday}\r\n  Bookings: 0\r\n")), "{}", letter.data);
    let logins = smtp.logins();
    let plain = STANDARD.decode(logins[0].strip_prefix("AUTH PLAIN ").unwrap()).unwrap();
    assert_eq!(plain, b"\0depot\0hunter2");
    let settings = depot.command(&["config", "show"]).to_string();
    assert!(!settings.contains("hunter2") && !settings.contains("password"), "{settings}");
    let mail = doctors_word(&depot, &smtp.settings(), "mail");
    assert!(mail["ok"] == true && mail["says"].as_str().unwrap().contains("answers"), "{mail}");
    let nobody = ["MAIL__SMTP_URL=smtps://127.0.0.1:1".to_owned(), "MAIL__FROM=a@b".to_owned()];
    assert_eq!(doctors_word(&depot, &nobody, "mail")["ok"], false);
    let changed = api
        .patch(&format!("/api/v1/schedules/{id}"), json!({"report": {"name": "drivers", "period": "week", "mail_to": ["a@b"]}}))
        .await
        .ok();
    assert_eq!(changed["report"]["period"], "week");
    let ended = api.patch(&format!("/api/v1/schedules/{id}"), json!({"report": null})).await.ok();
    assert_eq!(ended.get("report"), None);
}

#[tokio::test]
async fn what_is_wrong_with_a_mailed_report_is_told_by_field() {
    let (lone, smtp) = (Depot::start().await, Smtp::start().await);
    let depot = with_mail(&smtp, &[]).await;
    let wish = |report: Value| json!({"name": "x", "kind": "report", "cron": "0 6 * * *", "report": report});
    let told = lone.http().post("/api/v1/schedules", wish(json!({"mail_to": ["a@b"]}))).await.problem(422);
    assert_eq!(told["errors"][0]["field"], "report.mail_to");
    assert!(told["errors"][0]["message"].as_str().unwrap().contains("[mail]"), "{told}");
    let api = depot.http();
    let wrong = wish(json!({"name": "gossip", "period": "hour", "mail_to": ["a@b", "nobody", "x@y\r\nz"], "cc": 1}));
    let told = api.post("/api/v1/schedules", wrong).await.problem(422);
    let fields: Vec<_> = told["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["report.name", "report.period", "report.mail_to[1]", "report.mail_to[2]", "report.cc"]);
    for (report, says) in
        [(json!({}), "is missing"), (json!({"mail_to": []}), "1 to 20"), (json!({"mail_to": vec!["a@b"; 21]}), "at most 20")]
    {
        let told = api.post("/api/v1/schedules", wish(report)).await.problem(422);
        assert_eq!(told["errors"][0]["field"], "report.mail_to", "{told}");
        assert!(told["errors"][0]["message"].as_str().unwrap().contains(says), "{told}");
    }
    let mut backup = wish(json!({"mail_to": ["a@b"]}));
    backup["kind"] = "backup".into();
    assert_eq!(api.post("/api/v1/schedules", backup).await.problem(422)["errors"][0]["field"], "report");
}

#[tokio::test]
async fn mail_that_was_on_its_way_when_depotd_was_killed_comes_again_under_the_same_id() {
    let smtp = Smtp::start().await;
    let mut depot = with_mail(&smtp, &["NOTIFY__RETRY_S=1"]).await;
    smtp.be([Manner::Silence]);
    let id = report_to(&depot, &["boss@example.com"]).await;
    assert_eq!(run(&depot, &id).await["result"], "ok");
    letters(&smtp, 1).await;
    depot.kill9().await;
    let got = letters(&smtp, 2).await;
    assert_eq!(got[0].header("Message-ID"), got[1].header("Message-ID"));
    // It was taken: nothing is sent a third time.
    depot.restart().await;
    assert_eq!(run(&depot, &id).await["result"], "ok");
    let got = letters(&smtp, 3).await;
    assert_eq!(got.len(), 3);
    assert_ne!(got[1].header("Message-ID"), got[2].header("Message-ID"));
}

#[tokio::test]
async fn a_mail_server_that_is_down_or_busy_gets_it_later_and_who_does_not_exist_is_a_dead_letter() {
    let closed = Closed::new();
    let (url, from) = (format!("MAIL__SMTP_URL=smtp://127.0.0.1:{}", closed.port()), "MAIL__FROM=depot@depot.example");
    let depot = Depot::start_with(&[&url, from, "NOTIFY__RETRY_S=1"]).await;
    let id = report_to(&depot, &["boss@example.com"]).await;
    run(&depot, &id).await;
    until("a failed attempt", async || metric(&depot, "failed").await.filter(|n| *n > 0)).await;
    let smtp = Smtp::start_at(closed.open());
    smtp.be([Manner::ToLetter("451 come back later")]);
    let got = letters(&smtp, 2).await;
    assert_eq!(got[0].header("Message-ID"), got[1].header("Message-ID"));
    until("it to be sent", async || metric(&depot, "sent").await.filter(|n| *n == 1)).await;
    smtp.be([Manner::ToRecipient("550 5.1.1 no such user")]);
    run(&depot, &id).await;
    until("the dead letter", async || metric(&depot, "dead").await.filter(|n| *n == 1)).await;
    assert!(smtp.is_through() && smtp.letters().len() == 2);
    let finding = doctors_word(&depot, &[], "notifications");
    assert!(finding["ok"] == false && finding["says"].as_str().unwrap().contains("1 are dead letters"), "{finding}");
}

#[tokio::test]
async fn mail_goes_over_tls_and_only_to_a_server_that_is_the_one() {
    // In capitals it is no address of this machine, to which mail would go without TLS.
    for (tls, scheme) in [(Tls::Implicit, "smtps"), (Tls::Start, "smtp")] {
        let (smtp, own) = Smtp::start_tls(tls);
        let (_, another) = Smtp::start_tls(tls);
        let dir = tempfile::tempdir().unwrap();
        let trust = dir.path().join("ca.pem");
        std::fs::write(&trust, another).unwrap();
        let (url, ca) = (format!("MAIL__SMTP_URL={scheme}://LOCALHOST:{}", smtp.port), format!("MAIL__CA_FILE={}", trust.display()));
        let mut depot =
            Depot::start_with(&[&url, &ca, "MAIL__FROM=depot@depot.example", "NOTIFY__RETRY_S=1", "NOTIFY__RETRY_MOST_S=2"]).await;
        let id = report_to(&depot, &["boss@example.com"]).await;
        run(&depot, &id).await;
        let why = until("the refusal", async || {
            depot.http().get("/api/v1/deliveries").await.ok()["items"][0]["last_error"].as_str().map(str::to_owned)
        })
        .await;
        assert!(why.contains("certificate") && smtp.letters().is_empty(), "{tls:?}: {why}");
        std::fs::write(&trust, own).unwrap();
        depot.restart().await;
        assert_eq!(letters(&smtp, 1).await[0].to, "boss@example.com", "{tls:?}");
    }
}

/// How many attempts ended so.
async fn metric(depot: &Depot, outcome: &str) -> Option<u64> {
    let text = depot.http().get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("depotd_notifications_total{{outcome=\"{outcome}\"}} ")))?;
    line.parse().ok()
}
