//! What the description says of every operation alike, and what generators of clients need to make types of it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SCHEMAS: &str = "#/components/schemas/";
const PROBLEM: &str = "#/components/schemas/Problem";

/// Completes the document that the handlers' descriptions make.
pub fn finish(document: &mut Value) {
    refer(document);
    leave_room(document);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            name(operation, path);
            answer(operation, path);
            operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten().for_each(default);
        }
    }
}

/// Puts the resource before the name of an operation, which its handler gave it: `list` becomes `bookings_list`. Names have to
/// be unique, or clients run one operation in place of another.
fn name(operation: &mut Value, path: &str) {
    let resource = path.trim_start_matches("/api/v1").trim_start_matches('/').split(['/', '.']).next().unwrap_or_default();
    if let Some(Value::String(name)) = operation.get_mut("operationId")
        && name != resource
    {
        *name = format!("{resource}_{name}");
    }
}

/// Says what no handler says of its answers: the media type of problems, that every operation may have one, and what a bare status means.
fn answer(operation: &mut Value, path: &str) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let problem = json!({"application/problem+json": {"schema": {"$ref": PROBLEM}}});
    for (status, response) in responses.iter_mut() {
        if response.pointer("/content/application~1json/schema/$ref").is_some_and(|kind| kind == PROBLEM) {
            response["content"] = problem.clone();
        }
        if response["description"] == "" {
            let meaning = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok()).and_then(|code| code.canonical_reason());
            response["description"] = meaning.unwrap_or_default().into();
        }
    }
    if path.starts_with("/api/") {
        responses.insert("default".to_owned(), json!({"description": "It was refused, or failed: why.", "content": problem}));
    }
}

/// A parameter that has a default need not be said.
fn default(parameter: &mut Value) {
    if parameter["schema"].get("default").is_some() {
        parameter["required"] = false.into();
    }
}

/// Puts a reference where a named schema is written out once more, as it is within lists, so that clients have one type of it.
fn refer(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object() else { return };
    let composed = |schema: &Value| ["properties", "allOf", "enum"].iter().any(|key| schema.get(key).is_some());
    let named: BTreeMap<String, String> =
        schemas.iter().rev().filter(|(_, schema)| composed(schema)).map(|(name, schema)| (schema.to_string(), name.clone())).collect();
    for schema in document["components"]["schemas"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        within(schema, &named);
    }
    within(&mut document["paths"], &named);
}

fn within(value: &mut Value, named: &BTreeMap<String, String>) {
    only(value);
    let inner: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => return,
    };
    for inner in inner {
        match named.get(&inner.to_string()) {
            Some(name) => *inner = json!({"$ref": format!("{SCHEMAS}{name}")}),
            None => within(inner, named),
        }
    }
}

/// A schema that others are made of leaves room for what they add; else nothing would be as they say.
fn leave_room(document: &mut Value) {
    let mut parts = BTreeSet::new();
    parts_of(document, &mut parts);
    for name in parts {
        if let Some(Value::Object(part)) = document["components"]["schemas"].get_mut(&name) {
            part.retain(|key, value| key != "additionalProperties" || *value != false);
        }
    }
}

fn parts_of(value: &Value, found: &mut BTreeSet<String>) {
    let parts = value.get("allOf").and_then(Value::as_array).into_iter().flatten();
    found.extend(parts.filter_map(|part| part["$ref"].as_str()?.strip_prefix(SCHEMAS)).map(str::to_owned));
    match value {
        Value::Object(members) => members.values().for_each(|inner| parts_of(inner, found)),
        Value::Array(items) => items.iter().for_each(|inner| parts_of(inner, found)),
        _ => {}
    }
}

/// Takes a choice of one for what it is.
fn only(value: &mut Value) {
    let Value::Object(members) = value else { return };
    let Some([Value::Object(one)]) = members.get("oneOf").and_then(Value::as_array).map(Vec::as_slice) else { return };
    let one = one.clone();
    members.remove("oneOf");
    // An empty object there is serde's word for "whatever its members have": not a value of its own.
    members.retain(|key, value| key != "default" || *value != json!({}));
    members.extend(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_written_once() {
        let van = json!({"type": "object", "properties": {"id": {"type": "string"}}});
        let list = json!({"type": "object", "properties": {"items": {"type": "array", "items": van}}});
        let mut document = json!({"components": {"schemas": {"Van": van, "List_Van": list}}, "paths": {}});
        finish(&mut document);
        let items = &document["components"]["schemas"]["List_Van"]["properties"]["items"]["items"];
        assert_eq!(items, &json!({"$ref": "#/components/schemas/Van"}));
        assert_eq!(document["components"]["schemas"]["Van"], van);
    }

    #[test]
    fn what_others_are_made_of_leaves_room() {
        let van = json!({"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": false});
        let kept = json!({"allOf": [{"$ref": "#/components/schemas/Van"}, {"properties": {"version": {"type": "integer"}}}]});
        let mut document = json!({"components": {"schemas": {"Van": van, "Kept": kept, "Cart": van}}, "paths": {}});
        finish(&mut document);
        let schemas = &document["components"]["schemas"];
        assert!(schemas["Van"].get("additionalProperties").is_none());
        assert_eq!(schemas["Cart"]["additionalProperties"], false);
    }

    #[test]
    fn an_operation_has_a_name_and_an_answer_for_what_goes_wrong() {
        let refused = json!({"description": "", "content": {"application/json": {"schema": {"$ref": PROBLEM}}}});
        let list = json!({"operationId": "list", "responses": {"200": {"description": ""}, "422": refused},
                           "parameters": [{"name": "limit", "required": true, "schema": {"default": 50}}]});
        let mut document = json!({"components": {"schemas": {}}, "paths": {"/api/v1/vans": {"get": list}}});
        finish(&mut document);
        let list = &document["paths"]["/api/v1/vans"]["get"];
        assert_eq!(list["operationId"], "vans_list");
        assert_eq!(list["responses"]["200"]["description"], "OK");
        assert_eq!(list["parameters"][0]["required"], false);
        for status in ["422", "default"] {
            assert_eq!(list["responses"][status]["content"]["application/problem+json"]["schema"]["$ref"], PROBLEM);
        }
    }
}
