//! What a rule says.

use crate::model::Timestamp;

/// What a rule says of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// To whom; empty when there is nobody whose address is known.
    pub to: Vec<String>,
    /// What it is about.
    pub subject: String,
    /// What is said.
    pub text: String,
    /// When; `None`: not at all, because it falls into quiet hours.
    pub at: Option<Timestamp>,
}
