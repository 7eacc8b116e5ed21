//! JSON merge patches (RFC 7396) of an order.

use crate::model::Order;
use serde_json::{Map, Value};

/// Merges `patch` into `target`.
pub fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(&name)),
            Value::Object(inner) => {
                let slot = target.entry(name).or_insert(Value::Null);
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(members) = slot {
                    merge(members, inner);
                }
            }
            other => drop(target.insert(name, other)),
        }
    }
}

/// The order as a client would send it.
fn document(order: &Order) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(order) else { return Map::new() };
    members.remove("pickup_until");
    if let Some(window) = order.pickup_window() {
        members.remove("pickup_at");
        members.insert("pickup_window".into(), serde_json::json!(window));
    }
    members
}

/// The order with `patch` merged in, as a client would send it. `pickup_at` and `pickup_window` take each other's place; a
/// window that is cleared leaves its begin as the time.
pub fn patched(order: &Order, patch: Map<String, Value>) -> Value {
    let mut members = document(order);
    if patch.get("pickup_at").is_some_and(|at| !at.is_null()) {
        members.remove("pickup_window");
    }
    match patch.get("pickup_window") {
        Some(Value::Null) => drop(members.insert("pickup_at".into(), serde_json::json!(order.pickup_at))),
        Some(_) => drop(members.remove("pickup_at")),
        None => {}
    }
    merge(&mut members, patch);
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;
    use crate::model::{Contact, Place, Site, Stop, StopKind, Timestamp, Window};
    use serde_json::json;

    fn full() -> Order {
        let site = |lat| Site::at(Place::new(lat, 1.5).unwrap());
        let mut order = Order::new(site(42.5), site(42.6));
        order.pickup.contact = Some(Contact { name: Some("Ana".into()), phone: Some("1".into()), email: None });
        order.stops = vec![Stop { site: site(42.55), kind: StopKind::Dropoff, notes: None }];
        (order.pickup_at, order.pickup_until) = (Some(Timestamp::from_secs(100)), Some(Timestamp::from_secs(200)));
        order.dropoff_window = Some(Window { from: Timestamp::from_secs(300), until: Timestamp::from_secs(400) });
        (order.load_m3, order.skills, order.expires_at) = (Some(0.1), vec!["cold".into()], Some(Timestamp::from_secs(900)));
        order
    }

    fn after(patch: Value) -> Order {
        let Value::Object(patch) = patch else { panic!("an object") };
        Fields::of_json(patched(&full(), patch)).unwrap()
    }

    /// The examples of RFC 7396, appendix A, that have objects on both sides.
    #[test]
    fn the_examples_of_the_standard() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let (Value::Object(mut members), Value::Object(patch)) = (target, patch) else { panic!("objects") };
            merge(&mut members, patch);
            assert_eq!(Value::Object(members), expected);
        }
    }

    #[test]
    fn an_empty_patch_changes_nothing_and_null_clears() {
        assert_eq!(after(json!({})), full());
        let order = after(json!({"skills": null, "load_m3": null, "pickup": {"contact": {"phone": null}}, "stops": []}));
        assert_eq!((order.skills.len(), order.load_m3, order.stops.len()), (0, None, 0));
        assert_eq!(order.pickup.contact, Some(Contact { name: Some("Ana".into()), ..Contact::default() }));
    }

    #[test]
    fn time_and_window_take_each_others_place() {
        let at = |secs| Some(Timestamp::from_secs(secs));
        let times = |o: Order| (o.pickup_at, o.pickup_until);
        assert_eq!(times(after(json!({"pickup_at": at(150)}))), (at(150), None));
        assert_eq!(times(after(json!({"pickup_window": null}))), (at(100), None));
        assert_eq!(times(after(json!({"pickup_window": {"until": at(250)}}))), (at(100), at(250)));
        assert_eq!(times(after(json!({"pickup_window": null, "pickup_at": null}))), (None, None));
        let mut plain = full();
        plain.pickup_until = None;
        let Value::Object(patch) = json!({"pickup_window": {"from": at(110), "until": at(120)}}) else { panic!("an object") };
        assert_eq!(times(Fields::of_json(patched(&plain, patch)).unwrap()), (at(110), at(120)));
    }
}
