//! From what came down the line to a command that may be trusted.

use super::act::Rejection;
use crate::batch::{Command, MAX_COMMAND, Order, PublicKey, digest, is_cmd_id};
use serde_json::Value;

/// Letters of a kind that are kept of a command that cannot be read.
const KIND: usize = 64;

/// A command that head office signed for this depot.
#[derive(Debug)]
pub struct Heard {
    cmd_id: String,
    kind: String,
    /// SHA-256 in hex of its text.
    pub digest: String,
    /// What it says, or why it cannot be read.
    pub command: Result<Command, Rejection>,
}

impl Heard {
    /// Head office's name for it.
    pub fn cmd_id(&self) -> &str {
        &self.cmd_id
    }
    /// What it asks for.
    pub fn kind(&self) -> &str {
        &self.kind
    }
    /// What it is about: a booking, or what the data name.
    pub fn target(&self) -> Option<String> {
        let command = self.command.as_ref().ok()?;
        command.target.clone().or_else(|| Some(command.data.get("name")?.as_str()?.chars().take(KIND).collect()))
    }
}

/// Reads an order. An error: it is not head office's word to `depot`, so it names nothing that could be trusted.
pub fn hear(order: &Order, key: Option<&PublicKey>, depot: &str) -> Result<Heard, &'static str> {
    let key = key.ok_or("this depot has no upstream.orders_key")?;
    if order.command.len() > MAX_COMMAND {
        return Err("it is longer than a command may be");
    }
    if !key.signed(order) {
        return Err("head office did not sign it");
    }
    let document: Value = serde_json::from_str(&order.command).map_err(|_| "it is signed, but no JSON")?;
    if document["depot"].as_str() != Some(depot) {
        return Err("it is for another depot");
    }
    let cmd_id = document["cmd_id"].as_str().filter(|id| is_cmd_id(id)).ok_or("it is signed, but has no sound cmd_id")?;
    let kind = document["kind"].as_str().unwrap_or_default().chars().take(KIND).collect();
    // The text again, not the document: there a member that comes twice has been forgotten.
    let command = serde_json::from_str(&order.command).map_err(|e| Rejection::new("invalid", format!("the command cannot be read: {e}")));
    Ok(Heard { cmd_id: cmd_id.to_owned(), kind, digest: digest(&order.command), command })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::SigningKey;
    use proptest::prelude::*;
    use serde_json::json;

    fn keys() -> (SigningKey, PublicKey) {
        let (key, _) = SigningKey::generate().unwrap();
        let public = PublicKey::parse(&key.public()).unwrap();
        (key, public)
    }

    fn document() -> Value {
        json!({"cmd_id": "c-1", "depot": "d", "kind": "booking.cancel", "target": "t", "expected_version": 2,
            "issued_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z", "data": {"reason": "x"}})
    }

    fn signed(key: &SigningKey, command: String) -> Order {
        Order { seq: 1, signature: key.sign(&command), command }
    }

    #[test]
    fn what_head_office_signed_is_heard() {
        let (key, public) = keys();
        let heard = hear(&signed(&key, document().to_string()), Some(&public), "d").unwrap();
        assert_eq!((heard.cmd_id(), heard.kind(), heard.target().as_deref()), ("c-1", "booking.cancel", Some("t")));
        assert_eq!(heard.command.unwrap().expected_version, Some(2));
    }

    #[test]
    fn what_is_not_its_word_to_us_is_refused() {
        let (key, public) = keys();
        let (stranger, _) = keys();
        let text = document().to_string();
        let why = |order: &Order, depot| hear(order, Some(&public), depot).unwrap_err();
        assert_eq!(why(&signed(&stranger, text.clone()), "d"), "head office did not sign it");
        assert_eq!(why(&signed(&key, text.clone()), "other"), "it is for another depot");
        assert_eq!(why(&signed(&key, "hello".into()), "d"), "it is signed, but no JSON");
        assert_eq!(why(&signed(&key, text.replace("c-1", "c 1")), "d"), "it is signed, but has no sound cmd_id");
        assert_eq!(why(&signed(&key, " ".repeat(MAX_COMMAND + 1)), "d"), "it is longer than a command may be");
        assert_eq!(hear(&signed(&key, text), None, "d").unwrap_err(), "this depot has no upstream.orders_key");
    }

    #[test]
    fn a_command_that_is_half_understood_is_answered_and_not_carried_out() {
        let (key, public) = keys();
        for (name, value) in
            [("urgent", json!(true)), ("expires_at", json!("tomorrow")), ("expected_version", json!(-1)), ("data", json!(1))]
        {
            let mut document = document();
            document[name] = value;
            let heard = hear(&signed(&key, document.to_string()), Some(&public), "d").unwrap();
            assert_eq!((heard.cmd_id(), heard.target()), ("c-1", None), "{name}");
            assert_eq!(heard.command.unwrap_err().reason, "invalid", "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_heard_or_refused_and_never_breaks(text in "\\PC{0,300}", kind in "\\PC{0,100}", id in "\\PC{0,80}", good in any::<bool>()) {
            let (key, public) = keys();
            let mut document = document();
            (document["kind"], document["cmd_id"]) = (json!(kind), json!(id));
            for command in [text, document.to_string()] {
                let order = if good { signed(&key, command) } else { Order { seq: 1, signature: command.clone(), command } };
                if let Ok(heard) = hear(&order, Some(&public), "d") {
                    prop_assert!(good && is_cmd_id(heard.cmd_id()) && heard.kind().chars().count() <= KIND);
                }
            }
        }
    }
}
