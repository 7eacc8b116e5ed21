//! Addresses of mail.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text is not a mail address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// Not one `@` with something on either side.
    #[error("is not a mail address, which is like ana@example.com")]
    Form,
    /// Longer than mail carries (RFC 5321, 4.5.3.1).
    #[error("is longer than a mail address can be: 64 characters before the @, 254 in all")]
    Length,
    /// A character that needs quoting, or is not ASCII.
    #[error("may hold only letters, digits and !#$%&'*+-/=?^_`{{|}}~. before the @, and letters, digits, - and . behind it")]
    Character,
}

/// A mail address in plain ASCII: a dot-atom (RFC 5322), an `@`, a domain.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(Arc<str>);

impl MailAddress {
    /// The address itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// What is behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for MailAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) =
            text.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty()).ok_or(AddressError::Form)?;
        if local.len() > 64 || text.len() > 254 {
            return Err(AddressError::Length);
        }
        let is_atom =
            |atom: &str| !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b));
        let is_label = |label: &str| {
            let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if local.split('.').all(is_atom) && domain.split('.').all(is_label) { Ok(Self(text.into())) } else { Err(AddressError::Character) }
    }
}
impl TryFrom<String> for MailAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}
impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0.as_ref().to_owned()
    }
}
impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b", "ana.b+depot@mail.example.com", "x_y-z!@1.de"] {
            assert_eq!(good.parse::<MailAddress>().unwrap().as_str(), good);
        }
        let fault = |text: &str| text.parse::<MailAddress>().unwrap_err();
        for wrong in ["", "a", "@b", "a@"] {
            assert_eq!(fault(wrong), AddressError::Form, "{wrong}");
        }
        for wrong in
            ["a@b@c", "a b@c", "a@b c", ".a@b", "a..b@c", "a@-b", "a@b.", "é@b", "a@bücher.de", "a@b\r\nRCPT TO:<c@d>", "<a>@b", "\"a\"@b"]
        {
            assert_eq!(fault(wrong), AddressError::Character, "{wrong}");
        }
        assert_eq!(fault(&format!("{}@b", "a".repeat(65))), AddressError::Length);
    }

    proptest! {
        #[test]
        fn no_address_can_break_out_of_a_header(text in "\\PC{0,12}[@\r\n<>, ]\\PC{0,12}") {
            if let Ok(address) = text.parse::<MailAddress>() {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic() && !b"<>,;:\\\"()[]".contains(&b)));
            }
        }
    }
}
