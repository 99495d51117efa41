//! Where events may go: the internet, encrypted, and whatever else the settings allow. So nobody who may make a webhook can have
//! the daemon ask for something in its own network.
//!
//! Names are looked up here, and the connection is made to the very addresses that were judged: what a name leads to the next
//! time is judged then. Redirects are followed by nobody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use crate::config::Allowed;

/// Judges addresses. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    allow: Arc<[Allowed]>,
}

/// Why nothing is sent there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("url must be https://HOST/PATH, without user, password and fragment")]
    NoUrl,
    #[error("url must be https: events say what people wrote. TENFOUR_WEBHOOK_ALLOW lists hosts that may do without")]
    Plain,
    #[error("{0} is not on the internet; TENFOUR_WEBHOOK_ALLOW lists hosts and networks that may be told all the same")]
    Internal(String),
    #[error("{0} is the name of nothing")]
    Unknown(String),
}

impl Guard {
    pub(super) fn new(allow: &[Allowed]) -> Self {
        Self { allow: allow.into() }
    }

    /// Looks at all that an address says by itself. What a name leads to is judged when it is connected to.
    pub(super) fn check(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|_| Refused::NoUrl)?;
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(Refused::NoUrl),
        };
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let host = url.host().filter(|_| bare).ok_or(Refused::NoUrl)?;
        match host {
            Host::Domain(name) => {
                if plain && !self.allows_host(name) {
                    return Err(Refused::Plain);
                }
            }
            Host::Ipv4(address) => self.check_address(address.into(), plain)?,
            Host::Ipv6(address) => self.check_address(address.into(), plain)?,
        }
        Ok(url)
    }

    fn check_address(&self, address: IpAddr, plain: bool) -> Result<(), Refused> {
        if self.allows_address(address) {
            return Ok(());
        }
        if !is_public(address) {
            return Err(Refused::Internal(address.to_string()));
        }
        if plain { Err(Refused::Plain) } else { Ok(()) }
    }

    fn allows_host(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        self.allow.iter().any(|allowed| matches!(allowed, Allowed::Host(host) if host == name))
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        let real = real(address);
        self.allow.iter().any(|allowed| matches!(allowed, Allowed::Net(net) if net.contains(&real)))
    }

    /// Of what a name leads to: where may be connected to.
    fn passed(&self, name: &str, found: impl IntoIterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let found: Vec<SocketAddr> = found.into_iter().collect();
        let Some(first) = found.first() else { return Err(Refused::Unknown(name.to_owned())) };
        let refused = format!("{name}, which leads to {},", first.ip());
        let may = |address: &SocketAddr| self.allows_address(address.ip()) || is_public(address.ip());
        let passed: Vec<SocketAddr> =
            if self.allows_host(name) { found } else { found.into_iter().filter(may).collect() };
        if passed.is_empty() { Err(Refused::Internal(refused)) } else { Ok(passed) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found = tokio::net::lookup_host((name, 0)).await?;
            let passed = guard.passed(name, found)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

/// What an IPv6 address that only wraps another one stands for.
fn real(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    v6.to_ipv4_mapped().map_or(address, IpAddr::V4)
}

/// Whether an address is one of the internet's, whatever its form.
fn is_public(address: IpAddr) -> bool {
    match real(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// By IANA's registry of addresses for special purposes.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 224)
}

/// Only what is given to networks (`2000::/3`), less what wraps other addresses and what is for books.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // NAT64: the IPv4 address at its end is where it goes.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let given = segments[0] & 0xe000 == 0x2000;
    let special = match segments[0] {
        0x2001 => segments[1] < 0x0200 || segments[1] == 0x0db8,
        0x2002 => true,
        0x3fff => segments[1] < 0x1000,
        _ => false,
    };
    given && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[&str]) -> Guard {
        let allowed = |text: &&str| match (text.parse(), text.parse::<IpAddr>()) {
            (Ok(net), _) => Allowed::Net(net),
            (_, Ok(address)) => Allowed::Net(address.into()),
            _ => Allowed::Host((*text).to_owned()),
        };
        Guard::new(&allow.iter().map(allowed).collect::<Vec<_>>())
    }

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2a00:1450:4001::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for internal in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(internal.parse().unwrap()), "{internal}");
        }
        assert!(is_public("64:ff9b::101:101".parse().unwrap()), "NAT64 of what is public");
        assert!(is_public("::ffff:1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn an_address_is_refused_however_it_is_written() {
        let none = guard(&[]);
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00::1]:8443/",
        ] {
            assert!(matches!(none.check(url), Err(Refused::Internal(_))), "{url}");
        }
        for url in
            ["", "app.example", "ftp://app.example/", "https://", "https://me@app.example/", "https://a.example/#x"]
        {
            assert_eq!(none.check(url), Err(Refused::NoUrl), "{url}");
        }
        assert_eq!(none.check("http://app.example/"), Err(Refused::Plain));
        assert_eq!(none.check("http://1.1.1.1/"), Err(Refused::Plain));
        assert!(none.check("https://app.example/hook?key=1").is_ok() && none.check("https://1.1.1.1/").is_ok());
    }

    #[test]
    fn the_settings_open_hosts_and_networks_and_nothing_beside_them() {
        let some = guard(&["app.internal", "10.1.0.0/16", "127.0.0.1"]);
        for url in
            ["http://app.internal/", "https://app.internal./", "http://10.1.2.3/", "http://[::ffff:127.0.0.1]:3000/"]
        {
            assert!(some.check(url).is_ok(), "{url}");
        }
        assert!(some.check("http://10.2.0.1/").is_err() && some.check("http://other.internal/").is_err());
        assert!(some.check("https://127.0.0.2/").is_err());
    }

    #[test]
    fn what_a_name_leads_to_is_judged_each_time_and_only_what_passes_is_connected_to() {
        let some = guard(&["app.internal", "10.1.0.0/16"]);
        let at =
            |texts: &[&str]| texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect::<Vec<_>>();
        let passed = |name: &str, found: &[&str]| some.passed(name, at(found));
        assert_eq!(passed("app.example", &["1.1.1.1", "127.0.0.1", "::1"]), Ok(at(&["1.1.1.1"])));
        // The same name, a moment later.
        let refused = passed("app.example", &["127.0.0.1"]).unwrap_err().to_string();
        assert!(
            refused.contains("app.example") && refused.contains("127.0.0.1") && refused.contains("ALLOW"),
            "{refused}"
        );
        assert_eq!(passed("app.example", &["10.1.0.7"]), Ok(at(&["10.1.0.7"])));
        assert_eq!(passed("app.internal", &["192.168.0.7"]), Ok(at(&["192.168.0.7"])));
        assert_eq!(passed("app.example", &[]), Err(Refused::Unknown("app.example".to_owned())));
    }
}
