//! Whom a connection comes from: the peer, or the client that a proxy on the same machine forwards for.

use std::net::{IpAddr, SocketAddr};

/// The client of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    pub ip: IpAddr,
    /// A proxy on loopback speaks for it.
    pub forwarded: bool,
}

impl Client {
    /// Of a connection from `peer`. Only a peer on loopback is believed, and of what it says only the last entry: the
    /// ones before it came with the request and may say anything. The values are those of all headers of that name, in
    /// their order. `Forwarded` is looked at only without `X-Forwarded-For`, so a proxy has to write the one it means.
    pub fn of<'a>(
        peer: SocketAddr,
        x_forwarded_for: impl IntoIterator<Item = &'a str>,
        forwarded: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let peer = peer.ip().to_canonical();
        let direct = Self { ip: peer, forwarded: false };
        if !peer.is_loopback() {
            return direct;
        }
        let entry = last_entry(x_forwarded_for)
            .map(bare_address)
            .or_else(|| last_entry(forwarded).map(|entry| forwarded_for(entry).and_then(bare_address)));
        match entry {
            None => direct,
            // Somebody is forwarded for, and nobody knows who: all of them are counted together.
            Some(address) => Self { ip: address.unwrap_or(peer), forwarded: true },
        }
    }

    /// Whether it counts against the limit of its address.
    pub fn is_counted(self) -> bool {
        self.forwarded || !self.ip.is_loopback()
    }
}

fn last_entry<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    values.into_iter().last().map(|value| value.rsplit(',').next().unwrap_or_default().trim())
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
        let client = Client::of(peer.parse().unwrap(), x_forwarded_for.iter().copied(), forwarded.iter().copied());
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
