//! Whom a connection comes from: the peer, or the client that a proxy forwards for whose word counts.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The client of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    pub ip: IpAddr,
    /// A proxy speaks for it.
    pub forwarded: bool,
}

impl Client {
    /// Of a connection from `peer`. Only a peer on loopback or in `trusted` is believed, and of what it says the last entry
    /// that is in none of these networks: the ones before it came with the request and may say anything. The values are
    /// those of all headers of that name, in their order. `Forwarded` is looked at only without `X-Forwarded-For`, so a
    /// proxy has to write the one it means.
    pub fn of<'a>(
        peer: SocketAddr,
        x_forwarded_for: impl IntoIterator<Item = &'a str>,
        forwarded: impl IntoIterator<Item = &'a str>,
        trusted: &[IpNet],
    ) -> Self {
        let peer = peer.ip().to_canonical();
        if !is_proxy(peer, trusted) {
            return Self { ip: peer, forwarded: false };
        }
        let entries: Vec<Option<IpAddr>> = entries(x_forwarded_for).map(bare_address).collect();
        let entries = if entries.is_empty() {
            self::entries(forwarded).map(|entry| forwarded_for(entry).and_then(bare_address)).collect()
        } else {
            entries
        };
        let mut client = Self { ip: peer, forwarded: !entries.is_empty() };
        for entry in entries.into_iter().rev() {
            // Somebody is forwarded for, and nobody knows who: all of them are counted together.
            let Some(address) = entry else { break };
            client.ip = address;
            if !trusted.iter().any(|net| net.contains(&address)) {
                break;
            }
        }
        client
    }

    /// Whether it counts against the limit of its address.
    pub fn is_counted(self) -> bool {
        self.forwarded || !self.ip.is_loopback()
    }
}

/// Whether it may forward for others.
pub(super) fn is_proxy(peer: IpAddr, trusted: &[IpNet]) -> bool {
    peer.is_loopback() || trusted.iter().any(|net| net.contains(&peer))
}

fn entries<'a>(values: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    values.into_iter().flat_map(|value| value.split(',').map(str::trim))
}

/// The `for` of one element of `Forwarded`, such as `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without a port and brackets.
fn bare_address(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, x_forwarded_for: &[&str], forwarded: &[&str]) -> (String, bool) {
        client_by(peer, x_forwarded_for, forwarded, &[])
    }

    fn client_by(peer: &str, x_forwarded_for: &[&str], forwarded: &[&str], trusted: &[&str]) -> (String, bool) {
        let (peer, trusted) = (peer.parse().unwrap(), trusted.iter().map(|net| net.parse().unwrap()));
        let trusted: Vec<IpNet> = trusted.collect();
        let client = Client::of(peer, x_forwarded_for.iter().copied(), forwarded.iter().copied(), &trusted);
        (client.ip.to_string(), client.is_counted())
    }

    #[test]
    fn only_loopback_is_believed() {
        assert_eq!(client("192.0.2.1:5", &["203.0.113.9"], &["for=203.0.113.9"]), ("192.0.2.1".to_owned(), true));
        assert_eq!(client("127.0.0.1:5", &[], &[]), ("127.0.0.1".to_owned(), false));
        assert_eq!(client("[::1]:5", &[], &[]), ("::1".to_owned(), false));
        assert_eq!(client("[::ffff:127.0.0.1]:5", &[], &[]), ("127.0.0.1".to_owned(), false));
    }

    #[test]
    fn the_last_entry_is_the_one_that_our_proxy_wrote() {
        for (x_forwarded_for, forwarded, expected) in [
            (&["203.0.113.9"][..], &[][..], "203.0.113.9"),
            (&["10.0.0.1, 203.0.113.9"], &[], "203.0.113.9"),
            (&["10.0.0.1", "10.0.0.2,203.0.113.9"], &[], "203.0.113.9"),
            (&["203.0.113.9:4711"], &[], "203.0.113.9"),
            (&["2001:db8::1"], &[], "2001:db8::1"),
            (&["[2001:db8::1]:4711"], &[], "2001:db8::1"),
            (&["::ffff:203.0.113.9"], &[], "203.0.113.9"),
            (&[], &["for=203.0.113.9"], "203.0.113.9"),
            (&[], &["for=10.0.0.1, For=\"[2001:db8::1]:47\";proto=https"], "2001:db8::1"),
            (&[], &["for=10.0.0.1", "proto=https; for=\"[2001:db8::1]\""], "2001:db8::1"),
            (&["203.0.113.9"], &["for=10.0.0.1"], "203.0.113.9"),
        ] {
            let found = client("127.0.0.1:5", x_forwarded_for, forwarded);
            assert_eq!(found, (expected.to_owned(), true), "{x_forwarded_for:?} {forwarded:?}");
        }
    }

    #[test]
    fn the_last_entry_that_no_proxy_of_ours_has_is_the_client() {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"];
        for (peer, x_forwarded_for, expected) in [
            ("10.0.0.1:5", &["203.0.113.9"][..], ("203.0.113.9", true)),
            ("[::ffff:10.0.0.1]:5", &["203.0.113.9"], ("203.0.113.9", true)),
            ("[2001:db8:1::7]:5", &["198.51.100.1, 203.0.113.9", "10.0.0.2"], ("203.0.113.9", true)),
            ("127.0.0.1:5", &["198.51.100.1, 203.0.113.9, 10.0.0.2,10.0.0.3:80"], ("203.0.113.9", true)),
            // One within the network, whoever it says it is for.
            ("10.0.0.1:5", &["10.0.0.9"], ("10.0.0.9", true)),
            ("10.0.0.1:5", &["unknown, 10.0.0.9"], ("10.0.0.9", true)),
            ("10.0.0.1:5", &["unknown"], ("10.0.0.1", true)),
            ("10.0.0.1:5", &[], ("10.0.0.1", true)),
            // Nobody of ours.
            ("11.0.0.1:5", &["203.0.113.9"], ("11.0.0.1", true)),
            ("11.0.0.1:5", &["203.0.113.9, 10.0.0.2"], ("11.0.0.1", true)),
        ] {
            let found = client_by(peer, x_forwarded_for, &[], &trusted);
            assert_eq!(found, (expected.0.to_owned(), expected.1), "{peer} {x_forwarded_for:?}");
        }
        assert_eq!(client_by("10.0.0.1:5", &[], &["for=203.0.113.9, for=10.0.0.2"], &trusted).0, "203.0.113.9");
    }

    #[test]
    fn who_is_forwarded_for_without_a_name_still_counts() {
        for (x_forwarded_for, forwarded) in [
            (&["unknown"][..], &[][..]),
            (&["203.0.113.9,"], &[]),
            (&[""], &[]),
            (&["203.0.113.9, <script>"], &[]),
            (&[], &["for=_hidden"]),
            (&[], &["proto=https"]),
        ] {
            assert_eq!(client("127.0.0.1:5", x_forwarded_for, forwarded), ("127.0.0.1".to_owned(), true));
        }
        assert_eq!(client("127.0.0.1:5", &["127.0.0.1"], &[]), ("127.0.0.1".to_owned(), true));
    }
}
