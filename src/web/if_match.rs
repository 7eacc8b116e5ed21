//! Which version a client means to change: `If-Match`.

use super::error::{Error, Result};
use super::version::Version;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// Which version the client means to change, by `If-Match` (RFC 9110, 13.1.1). Without it: 428.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// Does it mean this version? A weak tag means none.
    pub fn fits(&self, version: Version) -> bool {
        let Self(Some(tags)) = self else { return true };
        tags.iter().any(|tag| tag.as_bytes() == version.tag().as_bytes())
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            let how = "say which version you change: send the ETag of your last GET as If-Match";
            return Err(Error::status(StatusCode::PRECONDITION_REQUIRED).detail(how));
        };
        let text = value.to_str().map_err(|_| Error::field("If-Match", "must be visible ASCII characters"))?;
        let tags = (text.trim() != "*").then(|| text.split(',').map(|tag| tag.trim().to_owned()).collect());
        Ok(Self(tags))
    }
}

/// The same where it need not be said: `None` without the header, or with `*`.
#[derive(Debug)]
pub struct MaybeIfMatch(pub Option<u32>);

impl<S: Sync> FromRequestParts<S> for MaybeIfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or("").trim();
        match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).map(str::parse) {
            _ if text == "*" => Ok(Self(None)),
            Some(Ok(version)) => Ok(Self(Some(version))),
            _ => Err(Error::field("If-Match", "must be the `ETag` that came with it, like \"3\"")),
        }
    }
}

impl utoipa::IntoParams for MaybeIfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` that came with it: refused with 412 when it has changed since";
        let text = ObjectBuilder::new().schema_type(Type::String);
        vec![ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).description(Some(about)).schema(Some(text)).build()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_strongly() {
        let given = |tags: &[&str]| IfMatch(Some(tags.iter().map(|t| (*t).to_owned()).collect()));
        assert!(IfMatch(None).fits(Version(3)));
        assert!(given(&["\"2\"", "\"3\""]).fits(Version(3)));
        assert!(!given(&["\"2\""]).fits(Version(3)));
        assert!(!given(&["W/\"3\""]).fits(Version(3)));
        assert!(!given(&["3"]).fits(Version(3)));
    }
}
