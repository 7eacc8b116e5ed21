//! The depot over HTTP: registering vehicles, placing bookings.

use super::day::Wish;
use crate::model::{Place, Site, Timestamp};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::watch;

/// Where the depot is just now; may change when it restarts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Its URL, like `http://127.0.0.1:8080`.
    pub http: String,
    /// Plain MQTT.
    pub mqtt: SocketAddr,
}

/// What a device logs in with.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Credential {
    /// MQTT user name.
    pub username: String,
    /// MQTT password.
    pub password: String,
}

/// Why the depot did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It could not be reached, or did not answer in time.
    #[error("the depot cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// It said no.
    #[error("the depot answered {0}: {1}")]
    Answer(StatusCode, String),
}

/// A vehicle as it is registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// Its id; its device gets the same.
    pub id: String,
    /// Its class.
    pub class: &'static str,
    /// Load it can carry, in kg.
    pub capacity_kg: u32,
}

/// A client with a token.
#[derive(Clone)]
pub struct Depot {
    client: reqwest::Client,
    target: watch::Receiver<Target>,
    token: String,
}

/// An answer may take this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(500);

impl Depot {
    /// A client of the depot at `target`, with an API token that may register devices and place bookings.
    pub fn new(target: watch::Receiver<Target>, token: &str) -> Self {
        // It is this machine, or one that was named: never through a proxy.
        let client = reqwest::Client::builder().no_proxy().build().unwrap_or_default();
        Self { client, target, token: token.to_owned() }
    }

    /// Where it is, for sessions.
    pub fn target(&self) -> watch::Receiver<Target> {
        self.target.clone()
    }

    async fn send(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Result<Value, Refused> {
        let url = format!("{}/api/v1{path}", self.target.borrow().http);
        let mut request = self.client.request(method, url).bearer_auth(&self.token).timeout(PATIENCE).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        if status.is_success() { Ok(serde_json::from_str(&text).unwrap_or(Value::Null)) } else { Err(Refused::Answer(status, text)) }
    }

    /// Registers a vehicle with its device, as often as it takes to reach the depot; what the device logs in with. A device
    /// that is known already gets a new password.
    pub async fn register(&self, vehicle: &Registration) -> Result<Credential, Refused> {
        loop {
            match self.try_register(vehicle).await {
                Err(Refused::Unreachable(error)) => tracing::debug!(%error, vehicle = vehicle.id, "the registration is tried again"),
                answered => return answered,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn try_register(&self, vehicle: &Registration) -> Result<Credential, Refused> {
        let Registration { id, class, capacity_kg } = vehicle;
        let made = self.send(Method::POST, "/vehicles", None, &json!({"id": id, "class": class, "capacity_kg": capacity_kg})).await;
        known(made)?;
        let made = self.send(Method::POST, "/devices", None, &json!({"id": id, "vehicle": id})).await;
        let device = match known(made)? {
            Some(device) => device,
            None => self.send(Method::POST, &format!("/devices/{id}/rotate"), None, &json!({})).await?,
        };
        serde_json::from_value(device).map_err(|e| Refused::Answer(StatusCode::CREATED, e.to_string()))
    }

    /// Adds a driver who may work day and night and puts him on duty with the vehicle, as often as it takes to reach the depot;
    /// his id. A vehicle that has a driver already keeps him.
    pub async fn hire(&self, name: &str, vehicle: &str) -> Result<String, Refused> {
        loop {
            match self.try_hire(name, vehicle).await {
                Err(Refused::Unreachable(error)) => tracing::debug!(%error, vehicle, "the driver is hired again"),
                answered => return answered,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn try_hire(&self, name: &str, vehicle: &str) -> Result<String, Refused> {
        let has = self.send(Method::GET, &format!("/vehicles/{vehicle}"), None, &Value::Null).await?;
        if let Some(id) = has["driver"]["id"].as_str() {
            return Ok(id.to_owned());
        }
        let person = json!({"name": name, "max_day_s": 86_400, "max_week_s": 604_800});
        let made = self.send(Method::POST, "/drivers", None, &person).await?;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        self.send(Method::POST, &format!("/drivers/{id}/duty"), None, &json!({"on": true, "vehicle_id": vehicle})).await?;
        Ok(id)
    }

    /// Sends a driver on a break, or back to work.
    pub async fn pause(&self, driver: &str, on: bool) -> Result<(), Refused> {
        self.send(Method::POST, &format!("/drivers/{driver}/break"), None, &json!({"on": on})).await.map(drop)
    }

    /// Places a booking once, however often it must be tried: asked again with the same `key` until there is an answer.
    pub async fn book(&self, key: &str, order: &Value) -> Result<Value, Refused> {
        loop {
            match self.send(Method::POST, "/bookings", Some(key), order).await {
                Err(Refused::Unreachable(error)) => tracing::debug!(%error, key, "the order is tried again"),
                Err(Refused::Answer(status, text)) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    tracing::debug!(%status, text, key, "the order is tried again");
                }
                answered => return answered,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// What was made; `None` when it was there already.
fn known(made: Result<Value, Refused>) -> Result<Option<Value>, Refused> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Refused::Answer(StatusCode::CONFLICT, _)) => Ok(None),
        Err(refused) => Err(refused),
    }
}

fn site(site: &Site) -> Value {
    let mut value = end(site.place);
    if let Some(address) = &site.address {
        value["address"] = address.as_str().into();
    }
    value
}

/// A place as the API takes it.
pub fn end(place: Place) -> Value {
    json!({"lat": place.lat(), "lon": place.lon()})
}

/// An order as the API takes it; `pickup_at` when it is for later.
pub fn order(wish: &Wish, pickup_at: Option<Timestamp>) -> Value {
    let mut body = json!({
        "pickup": site(&wish.pickup), "dropoff": site(&wish.dropoff), "load_kg": wish.load_kg, "customer": wish.customer,
    });
    if let Some(at) = pickup_at {
        body["pickup_at"] = at.to_string().into();
    }
    if let Some(class) = wish.class {
        body["vehicle_class"] = class.into();
    }
    if let Some(notes) = wish.notes {
        body["notes"] = notes.into();
    }
    body
}
