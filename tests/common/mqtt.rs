//! A vehicle's MQTT session.

use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// What `device add` gives.
#[derive(Clone, Debug)]
pub struct Credential {
    pub id: String,
    pub vehicle: String,
    pub username: String,
    pub password: String,
}

impl Credential {
    pub fn from_json(json: &Value) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned();
        Self { id: text("id"), vehicle: text("vehicle"), username: text("username"), password: text("password") }
    }
}

impl Credential {
    /// An API token's, which reads positions.
    pub fn of_token(token: &str) -> Self {
        Self { id: "board".into(), vehicle: String::new(), username: "board".into(), password: token.to_owned() }
    }
}

/// A connected session. Messages to it queue up; acknowledgements are counted.
pub struct Mqtt {
    pub client: AsyncClient,
    pub vehicle: String,
    messages: mpsc::UnboundedReceiver<(String, Value)>,
    acked: watch::Receiver<usize>,
    sent: usize,
    _task: JoinSet<()>,
}

impl Mqtt {
    pub async fn connect(address: &str, credential: &Credential) -> Self {
        let (host, port) = address.rsplit_once(':').unwrap();
        let mut options = MqttOptions::new(&credential.id, host, port.parse().unwrap());
        options.set_credentials(&credential.username, &credential.password);
        options.set_keep_alive(Duration::from_secs(30)).set_inflight(50);
        let (client, mut events) = AsyncClient::new(options, 200);
        let (send, messages) = mpsc::unbounded_channel();
        let (count, acked) = watch::channel(0);
        let (connected, mut wait) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => drop(connected.send(true)),
                    Ok(Event::Incoming(Packet::PubAck(_))) => count.send_modify(|n| *n += 1),
                    Ok(Event::Incoming(Packet::Publish(p))) => {
                        let body = serde_json::from_slice(&p.payload).unwrap_or(Value::Null);
                        drop(send.send((p.topic, body)));
                    }
                    Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
                    Err(error) => {
                        eprintln!("an MQTT session ended: {error}");
                        return;
                    }
                    Ok(_) => {}
                }
            }
        });
        let ready = tokio::time::timeout(super::PATIENCE, wait.wait_for(|c| *c)).await;
        assert!(matches!(ready, Ok(Ok(_))), "{} was not let in", credential.id);
        Self { client, vehicle: credential.vehicle.clone(), messages, acked, sent: 0, _task: task }
    }

    /// Publishes at QoS 1; [`Mqtt::acked`] tells when it is safe.
    pub async fn send(&mut self, topic: &str, payload: &Value) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload.to_string()).await.unwrap();
        self.sent += 1;
    }
    /// Waits for the acknowledgement of all that was sent.
    pub async fn acked(&mut self) {
        let sent = self.sent;
        let all = tokio::time::timeout(super::PATIENCE, self.acked.wait_for(|n| *n >= sent)).await.is_ok_and(|seen| seen.is_ok());
        assert!(all, "{} of {sent} messages acknowledged", *self.acked.borrow());
    }
    /// So many were acknowledged so far.
    pub fn acked_so_far(&self) -> usize {
        *self.acked.borrow()
    }
    /// Reports a position and waits until it is on the depot's disk.
    pub async fn fix(&mut self, ts: &str, lat: f64, lon: f64) {
        let topic = format!("v/{}/gps", self.vehicle);
        self.send(&topic, &serde_json::json!({"ts": ts, "lat": lat, "lon": lon, "speed_kmh": 30})).await;
        self.acked().await;
    }
    /// Reports a step of a job.
    pub async fn step(&mut self, booking: &str, step: &str, at: &str) {
        let topic = format!("v/{}/step", self.vehicle);
        self.send(&topic, &serde_json::json!({"booking_id": booking, "step": step, "at": at})).await;
        self.acked().await;
    }
    /// Asks for its commands.
    pub async fn subscribe_commands(&self) {
        self.client.subscribe(format!("v/{}/cmd", self.vehicle), QoS::AtLeastOnce).await.unwrap();
    }
    /// Subscribes to `filter` and gives the first message that comes.
    pub async fn first_of(&mut self, filter: &str) -> (String, Value) {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        self.next().await
    }
    /// The next message, whatever it is, with its topic.
    pub async fn next(&mut self) -> (String, Value) {
        tokio::time::timeout(super::PATIENCE, self.messages.recv()).await.expect("a message").expect("the session to live")
    }
    /// The next message of that type; others on the way are dropped.
    pub async fn message(&mut self, kind: &str) -> Value {
        let wait = async {
            loop {
                let (_, body) = self.messages.recv().await.expect("the session to live");
                if body["type"] == kind {
                    return body;
                }
            }
        };
        match tokio::time::timeout(super::PATIENCE, wait).await {
            Ok(body) => body,
            Err(_) => panic!("no {kind} for {}", self.vehicle),
        }
    }
}
