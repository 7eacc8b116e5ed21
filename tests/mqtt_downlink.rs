//! Jobs down and steps up, across reconnects and restarts.

mod mqtt_support;
use depotd::bookings::{ByHand, Standing};
use depotd::demand::Demand;
use depotd::forecast::{Calendar, History, Model};
use depotd::model::{Actor, BookingId, Place, Span, Status, Timestamp, Vehicle, VehicleId};
use depotd::mqtt::Deps;
use depotd::store::{self, advice, forecast, vehicles};
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
    depot.bookings().assign(id, ByHand::to(van.clone()), Actor::System).await.unwrap();
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
    depot.bookings().cancel(id, "customer changed his mind".into(), Standing::Jobs, Actor::System).await.unwrap();
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
    assert_eq!(depot.bookings().get(id).await.unwrap().status, Status::PickedUp);
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
    depot.bookings().cancel(first, "no".into(), Standing::Jobs, Actor::System).await.unwrap();
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
        assert_eq!(depot.bookings().get(id).await.unwrap().status, status);
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

/// Demand of a depot that wants advice, by the forecast that was kept.
async fn demand(depot: &Depot) -> Demand {
    let mut config = depot.config.clone();
    (config.forecast.advise, config.forecast.advise_after_s) = (true, 0);
    let (Deps { db, fleet, clock, .. }, bookings) = (depot.deps.clone(), depot.bookings());
    Demand::open(db, bookings, fleet, config, Calendar::new("UTC", Vec::new()).unwrap(), clock).await.unwrap()
}

/// Keeps a forecast of six requests an hour in one place.
async fn foresee(depot: &Depot) {
    // Two weeks taught it; a booking of a moment ago says where in the cell.
    let gone = depot.booking().await;
    depot.bookings().cancel(gone, "no".into(), Standing::Jobs, Actor::System).await.unwrap();
    let now = depot.deps.clock.now();
    let model = {
        let (mut history, from) = (History::new(h3o::Resolution::Seven), now - Span::from_secs(14 * 86_400));
        let mut moments = (0..14 * 144).map(|tenth: i64| from + Span::from_secs(tenth * 600));
        assert!(moments.all(|at| history.add(at, Place::new(42.5, 1.5).unwrap(), 1)));
        Model::train(&history, &Calendar::new("UTC", Vec::new()).unwrap(), (from, now), |_, _| {}).unwrap()
    };
    let text = serde_json::to_string(&model).unwrap();
    depot.deps.db.write::<_, store::Error>(move |tx| forecast::put(tx, now, &text)).await.unwrap();
}

/// The vehicle stands free, some kilometres from where much is asked for.
async fn stand(depot: &Depot, client: &mut Client) {
    let van = Vehicle { on_duty: true, ..Vehicle::new("van-a".parse().unwrap(), "van") };
    depot.deps.fleet.register(&van, None);
    depot.deps.db.write::<_, store::Error>(move |tx| vehicles::update(tx, &van)).await.unwrap();
    let at = depot.deps.clock.now();
    client.publish("v/van-a/gps", &format!(r#"{{"ts":"{at}","lat":42.54,"lon":1.5}}"#), 1, 3).await;
    assert_eq!(client.read().await.unwrap().kind(), 4);
    depot.until("the vehicle to be there", |d| d.deps.fleet.all().iter().any(|view| view.online && view.place.is_some())).await;
}

#[tokio::test]
async fn an_idle_vehicle_is_advised_once_where_to_wait() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut client = listening(&depot, &user, &password).await;
    foresee(&depot).await;
    stand(&depot, &mut client).await;
    let later = |depot: &Depot, seconds| depot.deps.clock.now() + Span::from_secs(seconds);
    assert_eq!(demand(&depot).await.advise(later(&depot, 0)).await.unwrap(), 1);
    let (advice, pkid) = command(&mut client).await;
    assert_eq!((&advice["type"], &advice["place"]), (&"advice".into(), &serde_json::json!({"lat": 42.5, "lon": 1.5})), "{advice}");
    assert_eq!(advice["reason"], "3 requests expected here and around within 30 min, nobody waits");
    assert!(Timestamp::parse(advice["until"].as_str().unwrap()).unwrap() > later(&depot, 1_700), "{advice}");
    client.puback(pkid).await;
    client.ping().await;

    let demanded = demand(&depot).await;
    assert_eq!((demanded.advise(later(&depot, 0)).await.unwrap(), demanded.advise(later(&depot, 1_300)).await.unwrap()), (0, 0));
    drop((client, demanded));
    let depot = depot.restart().await;
    let mut client = listening(&depot, &user, &password).await;
    stand(&depot, &mut client).await;
    assert_eq!(demand(&depot).await.advise(later(&depot, 0)).await.unwrap(), 0);
    let id = depot.booking().await;
    assign(&depot, id).await;
    let (job, pkid) = command(&mut client).await;
    assert_eq!(job["type"], "job", "and nothing before it");
    client.puback(pkid).await;
    // Though the fleet does not know of the job yet.
    assert_eq!(demand(&depot).await.advise(later(&depot, 2_000)).await.unwrap(), 0, "it has work");
    depot.bookings().cancel(id, "no".into(), Standing::Jobs, Actor::System).await.unwrap();
    let (off, pkid) = command(&mut client).await;
    assert_eq!(off["type"], "job_cancelled");
    client.puback(pkid).await;
    client.ping().await;
}

#[tokio::test]
async fn an_advice_that_is_stale_or_in_the_way_of_work_is_not_told() {
    for works in [false, true] {
        let depot = Depot::start().await;
        let (user, password) = depot.device("a").await;
        let mut client = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
        foresee(&depot).await;
        stand(&depot, &mut client).await;
        let now = depot.deps.clock.now();
        assert_eq!(demand(&depot).await.advise(now).await.unwrap(), 1);
        let id = depot.booking().await;
        if works {
            assign(&depot, id).await;
        } else {
            let kept = depot.deps.db.read(advice::all).await.unwrap().pop().unwrap();
            depot.deps.db.write(move |tx| advice::put(tx, &advice::Advice { until: now, ..kept })).await.unwrap();
        }
        assert_eq!(client.subscribe(&["v/van-a/cmd"], 1).await, [1]);
        if !works {
            client.ping().await;
            assign(&depot, id).await;
        }
        assert_eq!(command(&mut client).await.0["type"], "job", "and no advice before it");
    }
}
