//! The mail server that takes what depotd has to send.

use super::sections::or_empty;
use crate::model::MailAddress;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The mail server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mail {
    /// `smtps://host` (TLS from the first byte, port 465) or `smtp://host` (STARTTLS, port 587). Empty: no mail is sent.
    pub smtp_url: String,
    /// Who logs in there. Empty: nobody.
    pub user: String,
    /// A file that holds the password.
    #[serde(deserialize_with = "or_empty")]
    pub password_file: Option<PathBuf>,
    /// Whom the mail is from.
    pub from: String,
    /// Certificates in PEM of those to trust instead of the system's.
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    /// Seconds that sending one mail may take.
    pub timeout_s: u64,
}

impl Default for Mail {
    fn default() -> Self {
        Self { smtp_url: String::new(), user: String::new(), password_file: None, from: String::new(), ca_file: None, timeout_s: 30 }
    }
}

/// Where the mail server is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS from the first byte; else STARTTLS.
    pub implicit_tls: bool,
}

impl MailServer {
    /// Is it on this very machine? Only then mail goes there without TLS.
    pub fn is_own(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl Mail {
    /// The server that the URL names; `None` when it names none.
    pub fn server(&self) -> Option<MailServer> {
        let (scheme, rest) = self.smtp_url.split_once("://")?;
        let implicit_tls = match scheme {
            "smtps" => true,
            "smtp" => false,
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let usual = if implicit_tls { 465 } else { 587 };
        let port = port.map_or(Some(usual), |port| port.parse().ok().filter(|port| *port > 0))?;
        let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
        plain.then(|| MailServer { host: host.to_owned(), port, implicit_tls })
    }

    /// Is there a server to send mail through?
    pub fn is_on(&self) -> bool {
        !self.smtp_url.is_empty()
    }

    /// The password, from its file.
    pub fn password(&self) -> std::io::Result<Option<String>> {
        let Some(file) = &self.password_file else { return Ok(None) };
        let text = std::fs::read_to_string(file).map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
        Ok(Some(text.trim_end().to_owned()))
    }

    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        demand((1..=300).contains(&self.timeout_s), "mail.timeout_s must be within 1 to 300");
        demand(self.user.is_empty() == self.password_file.is_none(), "mail.user and mail.password_file go together");
        if self.is_on() {
            demand(
                self.server().is_some(),
                "mail.smtp_url must be smtp://host[:port] or smtps://host[:port]; who logs in goes into mail.user and mail.password_file",
            );
            demand(self.from.parse::<MailAddress>().is_ok(), "mail.from must be a mail address, like depot@example.com");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let (mail, mut told) = (toml::from_str::<Mail>(text).unwrap(), Vec::new());
        mail.check(&mut |ok, what: &str| {
            if !ok {
                told.push(what.to_owned());
            }
        });
        told.join("; ")
    }

    #[test]
    fn a_url_names_a_server_and_nobody_who_logs_in() {
        let server = |url: &str| Mail { smtp_url: url.into(), ..Mail::default() }.server().map(|s| (s.host, s.port, s.implicit_tls));
        assert_eq!(server("smtp://mail.example.com"), Some(("mail.example.com".into(), 587, false)));
        assert_eq!(server("smtps://[fd00::1]/"), Some(("fd00::1".into(), 465, true)));
        assert_eq!(server("smtps://m:2465"), Some(("m".into(), 2465, true)));
        for wrong in ["mail.example.com", "https://m", "smtp://", "smtp://u:p@m", "smtp://m:0", "smtp://m/path", "smtp://m?x=1"] {
            assert_eq!(server(wrong), None, "{wrong}");
        }
        let wrong = told("smtp_url = \"smtp://bob:hunter2@m\"\nfrom = \"a@b\"");
        assert!(wrong.contains("mail.user") && !wrong.contains("hunter2"), "{wrong}");
    }

    #[test]
    fn what_mail_needs_is_told() {
        assert_eq!(told(""), "");
        assert_eq!(told("smtp_url = \"smtp://m\"\nfrom = \"depot@example.com\"\nuser = \"u\"\npassword_file = \"/p\""), "");
        assert!(told("smtp_url = \"smtp://m\"").contains("mail.from"));
        assert!(told("user = \"u\"").contains("go together"));
        let own = |url: &str| Mail { smtp_url: url.into(), ..Mail::default() }.server().unwrap().is_own();
        assert!(own("smtp://localhost") && own("smtp://[::1]") && own("smtp://127.9.9.9") && !own("smtp://127.0.0.1.example"));
    }
}
