//! Requests to make something, of which a change may name any part: in the API's description they name the parts that they need.

use utoipa::openapi::schema::{Object, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// Declares `$name`, which is the request `$of` with these fields required.
macro_rules! needs {
    ($(#[$about:meta])+ $name:ident = $of:ty, $fields:expr) => {
        $(#[$about])+
        #[derive(Debug)]
        pub enum $name {}
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::web::shapes::needs::needing(<$of as utoipa::PartialSchema>::schema(), &$fields)
            }
        }
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                <$of as utoipa::ToSchema>::schemas(schemas);
            }
        }
    };
}
pub(crate) use needs;

/// `schema` with these fields required, and none of them `null`.
pub fn needing(schema: RefOr<Schema>, fields: &[&str]) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = schema else { return schema };
    for field in fields {
        object.required.push((*field).to_owned());
        if let Some(property) = object.properties.get_mut(*field) {
            said(property);
        }
    }
    object.into()
}

/// Takes `null` from what a property may be.
fn said(property: &mut RefOr<Schema>) {
    let is_null = |one: &RefOr<Schema>| matches!(one, RefOr::T(Schema::Object(Object { schema_type: SchemaType::Type(Type::Null), .. })));
    match property {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|one| *one != Type::Null);
                if let [only] = types.as_slice() {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
        }
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.retain(|one| !is_null(one)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::{PartialSchema, ToSchema};

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "only describes")]
    struct Wish {
        name: Option<String>,
        url: Option<String>,
        kind: Option<crate::web::shapes::words::ScheduleKind>,
    }

    #[test]
    fn what_is_needed_is_required_and_something() {
        let schema = serde_json::to_value(needing(Wish::schema(), &["url", "kind"])).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["url", "kind"]));
        let properties = &schema["properties"];
        assert_eq!(properties["name"]["type"], serde_json::json!(["string", "null"]));
        assert_eq!(properties["url"]["type"], "string");
        assert_eq!(properties["kind"]["oneOf"], serde_json::json!([{"$ref": "#/components/schemas/ScheduleKind"}]));
    }
}
