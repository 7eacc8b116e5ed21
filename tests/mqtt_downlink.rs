//! Jobs down and steps up, across reconnects and restarts.

mod mqtt_support;
use depotd::bookings::{ByHand, Standing};
use depotd::model::{Actor, BookingId, Status, VehicleId};
use mqtt_support::*;
use serde_json::Value;

async fn command(client: &mut Client) -> (Value, u16) {
    let packet = client.read().await.unwrap();
    let (topic, payload) = packet.message();
    assert!(topic.ends_with("/cmd"), "{topic}");
    (serde_json::from_str(&payload).unwrap(), packet.pkid())
}

async fn assign(depot: &Depot, id: BookingId) {
    let van: VehicleId = "van-a".parse().unwrap();
    depot.deps.bookings.assign(id, ByHand::to(van.clone()), Actor::System).await.unwrap();
}

async fn listening(depot: &Depot, user: &str, password: &str) -> Client {
    let mut client = Client::enter(depot.addr, &Hello::new(user, password)).await;
    assert_eq!(client.subscribe(&["v/van-a/cmd"], 1).await, [1]);
    client
}

#[tokio::test]
async fn a_job_is_replayed_until_it_is_acknowledged_also_after_a_restart() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut client = listening(&depot, &user, &password).await;
    let id = depot.booking().await;
    assign(&depot, id).await;
    let (job, _) = command(&mut client).await;
    assert_eq!((job["type"].as_str(), job["booking"]["id"].as_str()), (Some("job"), Some(id.to_string().as_str())));
    drop(client);

    let mut client = listening(&depot, &user, &password).await;
    assert_eq!(command(&mut client).await.0, job, "not acknowledged: sent again");
    drop(client);

    let depot = depot.restart().await;
    let mut client = listening(&depot, &user, &password).await;
    let (again, pkid) = command(&mut client).await;
    assert_eq!(again, job, "a restart loses nothing");
    client.puback(pkid).await;
    client.ping().await;
    drop(client);

    let depot = depot.restart().await;
    let mut client = listening(&depot, &user, &password).await;
    client.ping().await;
    depot.deps.bookings.cancel(id, "customer changed his mind".into(), Standing::Jobs, Actor::System).await.unwrap();
    let (off, _) = command(&mut client).await;
    assert_eq!(off["type"], "job_cancelled", "and nothing before it");
    assert_eq!((off["booking_id"].as_str(), off["reason"].as_str()), (Some(id.to_string().as_str()), Some("customer changed his mind")));
}

#[tokio::test]
async fn steps_are_acknowledged_or_rejected_with_the_reason() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut client = listening(&depot, &user, &password).await;
    let id = depot.booking().await;
    let step = |step: &str| format!(r#"{{"booking_id":"{id}","step":"{step}"}}"#);
    client.publish("v/van-a/step", &step("arrived"), 0, 0).await;
    let (answer, pkid) = command(&mut client).await;
    assert_eq!(answer["type"], "step_rejected");
    assert!(answer["reason"].as_str().unwrap().contains("does not have this job"), "{answer}");
    client.puback(pkid).await;
    assign(&depot, id).await;
    let (job, pkid) = command(&mut client).await;
    assert_eq!(job["type"], "job");
    client.puback(pkid).await;
    for (name, status) in [("arrived", Status::Arrived), ("arrived", Status::Arrived), ("picked_up", Status::PickedUp)] {
        client.publish("v/van-a/step", &step(name), 0, 0).await;
        let (answer, pkid) = command(&mut client).await;
        assert_eq!((answer["type"].as_str(), answer["status"].as_str()), (Some("step_ack"), Some(status.as_str())), "{answer}");
        client.puback(pkid).await;
    }
    client.publish("v/van-a/step", &step("failed"), 0, 0).await;
    let (answer, pkid) = command(&mut client).await;
    assert_eq!(answer["reason"], "proof.reason is required: why it failed");
    client.puback(pkid).await;
    client.publish("v/van-a/step", "not a step", 0, 0).await;
    let (answer, _) = command(&mut client).await;
    assert_eq!(answer["type"], "step_rejected");
    assert_eq!(depot.deps.bookings.get(id).await.unwrap().status, Status::PickedUp);
    assert_eq!(depot.refused("step"), 3);
    let kept = depot.deps.inspector.of(&user.parse().unwrap());
    assert_eq!(kept.len(), 3, "whoever looks at the device sees them");
    assert!(kept[0].topic == "v/van-a/step" && kept[0].payload == "not a step", "{kept:?}");
}

#[tokio::test]
async fn a_device_that_reads_no_commands_learns_from_the_acknowledgement_that_its_step_was_not_taken() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut client = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    let id = depot.booking().await;
    for (payload, code) in [(format!(r#"{{"booking_id":"{id}","step":"arrived"}}"#), 0x83), ("not a step".to_owned(), 0x99)] {
        client.publish("v/van-a/step", &payload, 1, 7).await;
        let answer = client.read().await.unwrap();
        assert_eq!((answer.kind(), answer.body.get(2).copied()), (4, Some(code)), "{payload}");
    }
}

#[tokio::test]
async fn a_job_that_is_over_is_not_replayed() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let (first, second) = (depot.booking().await, depot.booking().await);
    assign(&depot, first).await;
    depot.deps.bookings.cancel(first, "no".into(), Standing::Jobs, Actor::System).await.unwrap();
    assign(&depot, second).await;
    let mut client = listening(&depot, &user, &password).await;
    let kinds = [command(&mut client).await.0, command(&mut client).await.0];
    assert_eq!(kinds[0]["type"], "job_cancelled");
    assert_eq!(kinds[1]["booking"]["id"], second.to_string());
    client.ping().await;
}

/// Alters ops.db from outside.
fn vandalise(depot: &Depot, sql: &str) {
    let vandal = rusqlite::Connection::open(depot.dir.path().join("ops.db")).unwrap();
    vandal.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_step_that_cannot_be_taken_now_is_not_acknowledged() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let id = depot.booking().await;
    assign(&depot, id).await;
    for (qos, acknowledgement, step, status) in [(1, 4, "arrived", Status::Arrived), (2, 5, "picked_up", Status::PickedUp)] {
        let kept = Hello { clean: false, ..Hello::new(&user, &password) };
        let mut client = Client::enter(depot.addr, &kept).await;
        let payload = format!(r#"{{"booking_id":"{id}","step":"{step}"}}"#);
        vandalise(&depot, "alter table bookings rename to away");
        client.publish("v/van-a/step", &payload, qos, 3).await;
        assert!(client.closed().await.is_empty(), "neither acknowledged nor rejected");
        vandalise(&depot, "alter table away rename to bookings");
        depot.until("it left", |d| d.guard.stats().sessions == 0).await;
        let mut client = Client::enter(depot.addr, &kept).await;
        let again = client.publish_bytes("v/van-a/step", &payload, qos, 3, 8);
        client.send(&again).await;
        assert_eq!(client.read().await.unwrap().kind(), acknowledgement);
        assert_eq!(depot.deps.bookings.get(id).await.unwrap().status, status);
    }
    assert_eq!((depot.refused("busy"), depot.refused("step")), (2, 0));
}

#[tokio::test]
async fn a_job_that_cannot_be_read_now_is_not_passed_over() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let id = depot.booking().await;
    assign(&depot, id).await;
    vandalise(&depot, "alter table bookings rename to away");
    let mut client = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    client.send(&packet(0x82, &[&[0, 9, 0], &*text("v/van-a/cmd"), &[1]].concat())).await;
    let told = client.closed().await;
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x89)));
    vandalise(&depot, "alter table away rename to bookings");
    let mut client = listening(&depot, &user, &password).await;
    assert_eq!(command(&mut client).await.0["booking"]["id"], id.to_string());
}
