//! Clients that others made, against the real binary: the rumqttc library and Mosquitto's programs.

mod common;

use common::mqtt::Credential;
use common::{Depot, until};
use serde_json::{Value, json};
use std::process::{Command, Output};

fn fix(second: u32) -> String {
    let ts = depotd::clock::Clock::system().now() - depotd::model::Span::from_secs(600 - i64::from(second));
    json!({"ts": ts, "lat": 42.5, "lon": 1.5}).to_string()
}

async fn track_of(depot: &Depot, length: usize) {
    let http = depot.http();
    let whole = async || {
        let track = http.get("/api/v1/vehicles/KA-1/track").await.ok();
        (track["items"].as_array().unwrap().len() == length).then_some(())
    };
    until("the whole track", whole).await;
}

/// A session with the names of one protocol version in scope: everything a device does, a crash, and back again.
macro_rules! device_life {
    () => {
        use super::*;

        fn connect(depot: &Depot, device: &Credential) -> (AsyncClient, EventLoop) {
            let address = depot.address("mqtt");
            let (host, port) = address.split_once(':').unwrap();
            let mut options = MqttOptions::new("a client id", host, port.parse().unwrap());
            options.set_credentials(&device.username, &device.password).set_last_will(will("v/KA-1/gps", super::fix(4)));
            keep_session(&mut options);
            AsyncClient::new(options, 10)
        }

        async fn next<T>(events: &mut EventLoop, pick: impl Fn(Packet) -> Option<T>) -> T {
            let found = async {
                loop {
                    if let Event::Incoming(packet) = events.poll().await.unwrap()
                        && let Some(found) = pick(packet)
                    {
                        return found;
                    }
                }
            };
            tokio::time::timeout(common::PATIENCE, found).await.expect("the packet")
        }

        async fn command(events: &mut EventLoop, kind: &str) -> Value {
            let read = |packet| match packet {
                Packet::Publish(p) => serde_json::from_slice::<Value>(&p.payload).ok().filter(|body| body["type"] == kind),
                _ => None,
            };
            next(events, read).await
        }

        pub async fn live(depot: &Depot, device: &Credential) {
            let (client, mut events) = connect(depot, device);
            let welcome = |packet| if let Packet::ConnAck(ack) = packet { Some(ack.session_present) } else { None };
            assert!(!next(&mut events, welcome).await);
            client.subscribe("v/KA-1/cmd", QoS::AtLeastOnce).await.unwrap();
            next(&mut events, |packet| matches!(packet, Packet::SubAck(_)).then_some(())).await;
            client.publish("v/KA-1/gps", QoS::AtMostOnce, false, super::fix(1)).await.unwrap();
            client.publish("v/KA-1/gps", QoS::AtLeastOnce, true, super::fix(2)).await.unwrap();
            next(&mut events, |packet| matches!(packet, Packet::PubAck(_)).then_some(())).await;
            client.publish("v/KA-1/gps", QoS::ExactlyOnce, false, super::fix(3)).await.unwrap();
            next(&mut events, |packet| matches!(packet, Packet::PubComp(_)).then_some(())).await;
            super::track_of(depot, 3).await;

            let http = depot.http();
            let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}});
            let booking = http.post("/api/v1/bookings", trip).await.ok();
            let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
            http.post(&format!("{path}/assign"), json!({"vehicle_id": "KA-1"})).await.ok();
            assert_eq!(command(&mut events, "job").await["booking_id"], booking["id"]);
            drop((client, events));
            super::track_of(depot, 4).await;

            http.post(&format!("{path}/cancel"), json!({"reason": "test"})).await.ok();
            let (_client, mut events) = connect(depot, device);
            assert!(next(&mut events, welcome).await, "the session was kept");
            assert_eq!(command(&mut events, "job_cancelled").await["booking_id"], booking["id"], "and its subscription");
        }
    };
}

mod v4 {
    use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};

    fn will(topic: &str, payload: String) -> LastWill {
        LastWill::new(topic, payload, QoS::AtLeastOnce, false)
    }
    fn keep_session(options: &mut MqttOptions) {
        options.set_clean_session(false);
    }
    device_life!();
}

mod v5 {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{LastWill, Packet};
    use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};

    fn will(topic: &str, payload: String) -> LastWill {
        LastWill::new(topic, payload, QoS::AtLeastOnce, false, None)
    }
    fn keep_session(options: &mut MqttOptions) {
        options.set_clean_start(false).set_session_expiry_interval(Some(600));
    }
    device_life!();
}

#[tokio::test(flavor = "multi_thread")]
async fn rumqttc_v4_lives_a_devices_life() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    v4::live(&depot, &depot.new_device("KA-1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rumqttc_v5_lives_a_devices_life() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    v5::live(&depot, &depot.new_device("KA-1")).await;
}

/// Runs one of Mosquitto's programs over TLS as that device.
fn mosquitto(program: &str, depot: &Depot, device: &Credential, args: &[&str]) -> Output {
    let address = depot.address("mqtts");
    let (_, port) = address.split_once(':').unwrap();
    let mut command = Command::new(program);
    command.args(["-h", "localhost", "-p", port, "-u", &device.username, "-P", &device.password]).args(args);
    command.output().expect("Mosquitto's clients are installed")
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquittos_clients_speak_tls_with_the_depots_own_ca() {
    let depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let ca = depot.data_dir().join("ca.pem");
    let trust = ["--cafile", ca.to_str().unwrap()];
    for (n, version) in [(1, "mqttv311"), (2, "mqttv5")] {
        let publish = ["-V", version, "-q", "2", "-t", "v/KA-1/gps", "-m", &fix(n)];
        let out = mosquitto("mosquitto_pub", &depot, &device, &[&trust[..], &publish].concat());
        assert!(out.status.success(), "{version}: {out:?}");
        let out = mosquitto(
            "mosquitto_sub",
            &depot,
            &device,
            &[&trust[..], &["-V", version, "-C", "1", "-W", "20", "-t", "v/KA-1/status"]].concat(),
        );
        let said: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{version}: {e}: {out:?}"));
        assert_eq!(said["online"], true);
    }
    track_of(&depot, 2).await;
    let publish = ["-t", "v/KA-1/gps", "-m", &fix(3)];
    let out = mosquitto("mosquitto_pub", &depot, &device, &[&["--capath", "/etc/ssl/certs"], &publish[..]].concat());
    assert!(!out.status.success(), "nobody else vouches for the depot: {out:?}");
    let stranger = Credential { password: "wrong".into(), ..device };
    let out = mosquitto("mosquitto_pub", &depot, &stranger, &[&trust[..], &publish].concat());
    assert!(!out.status.success(), "{out:?}");
    track_of(&depot, 2).await;
}
