//! What a driver has to bring home from a delivery.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether something is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// It is not asked for.
    Off,
    /// It may be given.
    #[default]
    Optional,
    /// There is no delivery without it.
    Required,
}

/// The proof of a delivery that a tariff asks of drivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProofRules {
    /// Whoever takes the load signs.
    pub signature: Need,
    /// A photo at least.
    pub photo: Need,
    /// What the load's bar code says.
    pub barcode: Need,
    /// Some words.
    pub note: Need,
    /// The PIN of the delivery, which the driver hears from whoever waits for it. Not asked for, unless the tariff says so.
    pub pin: Need,
}

impl Default for ProofRules {
    fn default() -> Self {
        let may = Need::Optional;
        Self { signature: may, photo: may, barcode: may, note: may, pin: Need::Off }
    }
}

impl ProofRules {
    /// Its parts, by the names that a proof has for them.
    pub fn parts(&self) -> [(&'static str, Need); 5] {
        let Self { signature, photo, barcode, note, pin } = *self;
        [("signature", signature), ("photos", photo), ("barcode", barcode), ("note", note), ("pin", pin)]
    }

    /// Is nothing special asked for?
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
