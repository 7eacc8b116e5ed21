//! What a depot says of itself is enough for other programs: typed clients are made of it, compile and work, and messages are as it says.

#[path = "clients/answers.rs"]
mod answers;
#[path = "sockets/client.rs"]
mod client;
mod common;
#[path = "clients/messages.rs"]
mod messages;
#[path = "clients/tools.rs"]
mod tools;

use common::Depot;
use common::hook::Hook;
use serde_json::{Value, json};
use tools::Workshop;

/// A depot in which something was delivered already, and what that cost.
async fn depot() -> (Depot, i64) {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false", "NOTIFY__ALLOW_ADDRESSES=[\"127.0.0.1\"]"]).await;
    let api = depot.http();
    api.post("/api/v1/vehicles", json!({"id": "KA-1"})).await.ok();
    api.post("/api/v1/drivers", json!({"name": "Ana"})).await.ok();
    let trip = json!({"pickup": {"lat": 42.5063, "lon": 1.5218}, "dropoff": {"lat": 42.4633, "lon": 1.491}});
    let booking = api.post("/api/v1/bookings", trip).await.ok();
    let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
    api.post(&format!("{path}/assign"), json!({"vehicle_id": "KA-1"})).await.ok();
    for step in ["arrived", "picked_up", "delivered"] {
        api.post(&format!("{path}/steps"), json!({ "step": step })).await.ok();
    }
    depot.settle().await;
    (depot, booking["price"]["amount_minor"].as_i64().unwrap())
}

/// Arguments for a program: where the depot is, an administrator's token, and where a webhook leads.
fn arguments(depot: &Depot, hook: &Hook) -> [String; 3] {
    [format!("http://{}", depot.address("http")), depot.new_token("admin"), hook.url()]
}

/// What a program says it did is what happened.
async fn check(depot: &Depot, hook: &Hook, said: &str, price: i64) {
    let said: Value = serde_json::from_str(said).unwrap_or_else(|e| panic!("{e}: {said}"));
    let booking = said["booking"].as_str().unwrap();
    let expected = json!({
        "booking": booking, "status": "cancelled", "listed": 3, "faults": ["pickup.lat"], "missing": 404, "vehicles": ["KA-1"],
        "drivers": ["Ana"], "rounds": 0, "secret": true, "delivered": 1, "revenue": [price], "csv": 5,
    });
    assert_eq!(said, expected);
    let now = depot.http().get(&format!("/api/v1/bookings/{booking}")).await.ok();
    assert_eq!((&now["notes"], &now["dropoff"]["address"]), (&"ring twice".into(), &"Rua 1".into()), "{now}");
    assert_eq!((&now["cancel_reason"], &now["stops"][0]["kind"]), (&"closed today".into(), &"visit".into()), "{now}");
    assert_eq!(depot.http().get("/api/v1/webhooks").await.ok()["items"][0]["url"], hook.url());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_program_is_typed_and_works() {
    let (depot, price) = depot().await;
    let (hook, shop) = (Hook::start().await, Workshop::with(&depot, &["program.ts", "tsconfig.json"]).await);
    std::fs::write(shop.path("package.json"), r#"{"type": "module"}"#).unwrap();
    let said = shop.node("node_modules/openapi-typescript/bin/cli.js", &["openapi.json", "-o", "depot.d.ts"]).await;
    assert!(!said.to_lowercase().contains("warn"), "{said}");
    shop.node("node_modules/typescript/bin/tsc", &["-p", "."]).await;
    let args = arguments(&depot, &hook);
    let said = shop.node("out/program.js", &args.each_ref().map(String::as_str)).await;
    check(&depot, &hook, &said, price).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_program_is_typed_and_works() {
    let (depot, price) = depot().await;
    let (hook, shop) = (Hook::start().await, Workshop::with(&depot, &["program.py", "python.yaml"]).await);
    let generate = ["generate", "--path", "openapi.json", "--output-path", "depot_client", "--meta", "none", "--config", "python.yaml"];
    let said = shop.python("openapi-python-client", &generate).await;
    // Socket.IO's polling has a client of its own; that its body is text is no fault of the description.
    let warnings: Vec<_> = said.lines().filter(|line| line.contains("WARNING") || line.contains("Unable")).collect();
    assert_eq!(warnings, ["WARNING parsing POST /socket.io/ within live. Endpoint will not be generated."], "{said}");
    shop.python("mypy", &["--strict", "program.py", "depot_client"]).await;
    let args = arguments(&depot, &hook);
    let said = shop.python("python", &[&["program.py"], &args.each_ref().map(String::as_str)[..]].concat()).await;
    check(&depot, &hook, &said, price).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_valid() {
    let depot = Depot::start().await;
    let shop = Workshop::with(&depot, &[]).await;
    shop.python("openapi-spec-validator", &["--errors", "all", "openapi.json"]).await;
    let described: Value = serde_json::from_str(&std::fs::read_to_string(shop.path("openapi.json")).unwrap()).unwrap();
    let mut bare = Vec::new();
    untyped(&described["components"]["schemas"], String::new(), &mut bare);
    // What these hold depends on what they are of.
    let any = ["/BookingEvent/data", "/OwnStepRequest/proof", "/StepRequest/proof", "/Setting/base_value", "/Setting/value"];
    let settings = ["/SettingFromAbove/value", "/SettingOverride/value", "/SettingOverrideRequest/value"];
    bare.retain(|path| !any.contains(&path.as_str()) && !settings.contains(&path.as_str()));
    assert!(bare.is_empty(), "nothing says what these hold: {bare:?}");
}

/// The properties of `schema`, and of what is within it, that have no type, or are objects of whatever.
fn untyped(schema: &Value, path: String, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        let says = ["$ref", "oneOf", "allOf", "anyOf", "enum", "properties", "additionalProperties", "const"];
        let object = property["type"] == "object" || property["type"].as_array().is_some_and(|types| types.contains(&"object".into()));
        if !says.iter().any(|key| property.get(key).is_some()) && (object || property.get("type").is_none()) {
            found.push(path);
        }
    }
    match schema {
        Value::Object(members) => {
            members.iter().for_each(|(name, inner)| {
                let own = ["properties", "items", "allOf", "oneOf", "anyOf"].contains(&name.as_str());
                untyped(inner, if own { path.clone() } else { format!("{path}/{name}") }, found);
            });
        }
        Value::Array(items) => items.iter().for_each(|inner| untyped(inner, path.clone(), found)),
        _ => {}
    }
}
