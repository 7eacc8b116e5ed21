//! Where requests may go: nowhere inside, unless the settings say so (against server-side request forgery).
//!
//! A name is resolved here, and the connection goes to an address that was looked at: nobody can answer the question once so and once
//! otherwise.

use crate::config::{AddressRange, Notify};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// What the settings allow besides the public internet. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reach(Arc<Allowed>);

#[derive(Debug)]
struct Allowed {
    addresses: Vec<AddressRange>,
    hosts: Vec<String>,
}

impl Reach {
    /// What `config` allows.
    pub fn new(config: &Notify) -> Self {
        let hosts = config.allow_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self(Arc::new(Allowed { addresses: config.allow_addresses.clone(), hosts }))
    }

    /// May a request go to that URL, as far as the URL shows it? What its name resolves to is looked at when it is called.
    pub fn look(&self, url: &str) -> Result<Url, String> {
        let url: Url = url.parse().map_err(|e| format!("is not a URL: {e}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not say who logs in".to_owned());
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let literal = host.parse::<IpAddr>().ok();
        let is_allowed = self.0.hosts.contains(&host) || literal.is_some_and(|ip| self.allows(ip));
        match url.scheme() {
            "https" => {}
            "http" if is_allowed => {}
            "http" => return Err("must be https://: http:// is for hosts and addresses under [notify] alone".to_owned()),
            _ => return Err("must begin with https://".to_owned()),
        }
        match literal {
            Some(ip) if !is_allowed && !is_public(ip) => Err(format!("names {ip}, {NOT_ALLOWED}")),
            _ => Ok(url),
        }
    }

    fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.addresses.iter().any(|range| range.holds(ip))
    }

    fn passes(&self, host: &str, ip: IpAddr) -> bool {
        is_public(ip) || self.allows(ip) || self.0.hosts.contains(&host.to_ascii_lowercase())
    }
}

const NOT_ALLOWED: &str = "which is not an address of the public internet: allow_addresses or allow_hosts under [notify] may name it";

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let (this, name) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (good, bad): (Vec<_>, Vec<_>) = found.into_iter().partition(|at| this.passes(&name, at.ip()));
            match (good.is_empty(), bad.first()) {
                (true, Some(at)) => Err(format!("{name} is at {}, {NOT_ALLOWED}", at.ip()).into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

/// Is it an address of the public internet (after the IANA registries of special-purpose addresses)? Addresses of IPv4 in IPv6's
/// clothes are what is in them.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0b1100_0000 == 64)
        || (a == 198 && b & 0b1111_1110 == 18)
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99);
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [0x2001, 0xdb8, ..] | [0x2001, 0..0x200, ..] | [0x3fff, ..] => false,
        // Only 2000::/3 is given out for the internet.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reach(addresses: &[&str], hosts: &[&str]) -> Reach {
        let config = Notify {
            allow_addresses: addresses.iter().map(|range| range.parse().unwrap()).collect(),
            allow_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..Notify::default()
        };
        Reach::new(&config)
    }

    #[test]
    fn what_is_inside_is_not_reached() {
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "203.0.113.1",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
            "::7f00:1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_url_is_looked_at_before_it_is_kept() {
        let none = reach(&[], &[]);
        assert!(none.look("https://hooks.example.com/a?b=c").is_ok() && none.look("https://8.8.8.8/").is_ok());
        for wrong in [
            "http://hooks.example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://u:p@hooks.example.com/",
            "ftp://x/",
            "hooks.example.com",
            "file:///etc/passwd",
            "https://169.254.169.254/",
        ] {
            assert!(none.look(wrong).is_err(), "{wrong}");
        }
        let some = reach(&["10.0.0.0/8", "::1"], &["ERP.local"]);
        for good in ["http://10.2.3.4:80/", "https://10.2.3.4/", "http://[::1]:8080/", "http://erp.local/x", "https://erp.local/"] {
            assert!(some.look(good).is_ok(), "{good}");
        }
        assert!(some.look("http://11.0.0.1/").is_err() && some.look("https://127.0.0.1/").is_err());
        assert!(some.passes("erp.local", "127.0.0.1".parse().unwrap()) && !some.passes("other", "127.0.0.1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn an_address_in_other_clothes_is_the_same_address(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(is_public(IpAddr::V6(v4.to_ipv6_mapped())), is_public(IpAddr::V4(v4)));
        }
    }
}
