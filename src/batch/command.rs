//! What head office orders: one JSON document, signed with Ed25519 as exactly the text that it is.

use super::Order;
use crate::model::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A command is never longer, in bytes.
pub const MAX_COMMAND: usize = 64 * 1024;
/// What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A command. A member that it does not name makes the whole unreadable: an order that is half understood is not carried out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Head office's own name for it; carried out once.
    pub cmd_id: String,
    /// The depot that it is for.
    pub depot: String,
    /// What is to be done, like `booking.change`.
    pub kind: String,
    /// The booking that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The version that the booking must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// When it was given.
    pub issued_at: Timestamp,
    /// From then on it is not carried out any more.
    pub expires_at: Timestamp,
    /// What the kind asks for besides.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// The kinds of orders that a depot carries out.
pub const KINDS: [&str; 11] = [
    "booking.create",
    "booking.change",
    "booking.cancel",
    "user.set",
    "user.disable",
    "settings.set",
    "settings.clear",
    "tariff.set",
    "tariff.publish",
    "zone.put",
    "zone.delete",
];

/// May a command be called that? 1 to 64 letters, digits, `-`, `_`, `.` and `:`.
pub fn is_cmd_id(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// SHA-256 in hex, by which a command is told from others.
pub fn digest(command: &str) -> String {
    Sha256::digest(command).iter().map(|b| format!("{b:02x}")).collect()
}

/// Head office's public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads 32 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }

    /// Did the key's owner sign that command?
    pub fn signed(&self, order: &Order) -> bool {
        let Ok(signature) = STANDARD.decode(&order.signature) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(order.command.as_bytes(), &signature).is_ok()
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The text holds none.
    #[error("it holds no Ed25519 key in PKCS #8 and PEM, as `depotd receive keygen` or `openssl genpkey -algorithm ed25519` write it")]
    Unreadable,
    /// The machine gave no random bytes.
    #[error("no randomness: {0}")]
    Random(String),
}

/// Head office's private key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key, as text in PEM.
    pub fn generate() -> Result<(Self, String), NoKey> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| NoKey::Random(e.to_string()))?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoKey::Unreadable)?;
        let der = STANDARD.encode([&PKCS8[..], &seed].concat());
        Ok((Self(key), format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")))
    }

    /// Reads a key in PEM.
    pub fn from_pem(text: &str) -> Result<Self, NoKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| NoKey::Unreadable)?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map(Self).map_err(|_| NoKey::Unreadable)
    }

    /// Its public half in base64, for `upstream.orders_key`.
    pub fn public(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// The signature over `command`, in base64.
    pub fn sign(&self, command: &str) -> String {
        STANDARD.encode(self.0.sign(command.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(key: &SigningKey, command: &str) -> Order {
        Order { seq: 1, command: command.to_owned(), signature: key.sign(command) }
    }

    /// RFC 8032, 7.1, test 2, whose message is one byte: the key and its signature.
    #[test]
    fn the_standards_own_example() {
        let bytes = |hex: &str| (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect::<Vec<u8>>();
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode([&PKCS8[..], &seed].concat()));
        let key = SigningKey::from_pem(&pem).unwrap();
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(key.public(), STANDARD.encode(public));
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(key.sign("r"), STANDARD.encode(signature));
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let (key, pem) = SigningKey::generate().unwrap();
        let again = SigningKey::from_pem(&pem).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(PublicKey::parse(&key.public()).unwrap().signed(&order(&again, "{}")));
        assert!(SigningKey::from_pem("").is_err() && SigningKey::from_pem(&pem.replace("PRIVATE", "PUBLIC")).is_err());
        for wrong in ["", "AAAA", "not base64", &STANDARD.encode([1; 33])] {
            assert_eq!(PublicKey::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_command_is_read_whole_or_not_at_all() {
        let text = r#"{"cmd_id":"c","depot":"d","kind":"k","issued_at":"2026-01-01T00:00:00Z","expires_at":"2026-01-02T00:00:00+01:00"}"#;
        let command: Command = serde_json::from_str(text).unwrap();
        assert_eq!(command.expires_at.to_string(), "2026-01-01T23:00:00.000Z");
        for wrong in [text.replace("{\"cmd_id", "{\"more\":1,\"cmd_id"), text.replace("\"c\"", "1"), text.replace("\"kind\":\"k\",", "")] {
            assert!(serde_json::from_str::<Command>(&wrong).is_err(), "{wrong}");
        }
        let twice = text.replace("\"kind\":\"k\"", "\"kind\":\"k\",\"kind\":\"l\"");
        assert!(serde_json::from_str::<Command>(&twice).is_err(), "two kinds in one");
    }

    proptest! {
        #[test]
        fn only_what_was_signed_passes(text in "\\PC{1,200}", at in any::<prop::sample::Index>(), flip in 1_u8..128) {
            let (key, _) = SigningKey::generate().unwrap();
            let (other, _) = SigningKey::generate().unwrap();
            let public = PublicKey::parse(&key.public()).unwrap();
            let good = order(&key, &text);
            let passes = |command: &str, signature: &str| {
                public.signed(&Order { command: command.to_owned(), signature: signature.to_owned(), seq: 1 })
            };
            prop_assert!(passes(&text, &good.signature));
            prop_assert!(!public.signed(&order(&other, &text)));
            let mut signature = STANDARD.decode(&good.signature).unwrap();
            let at_byte = at.index(signature.len());
            signature[at_byte] ^= flip;
            prop_assert!(!passes(&text, &STANDARD.encode(signature)));
            let mut bytes = text.clone().into_bytes();
            let at_byte = at.index(bytes.len());
            bytes[at_byte] ^= flip;
            if let Ok(command) = String::from_utf8(bytes) {
                prop_assert!(!passes(&command, &good.signature));
            }
            for cut in [format!("{text} "), text.chars().skip(1).collect()] {
                prop_assert!(!passes(&cut, &good.signature));
            }
            for signature in ["", "=", "AAAA", &good.signature[1..]] {
                prop_assert!(!passes(&text, signature));
            }
        }
    }
}
