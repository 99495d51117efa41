//! Where a request comes from: the page's origin, and the address behind a proxy.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use tenfour::http::origin::{check, is_local};
use tenfour::limits::address::Client;

use super::{Target, outcome, seeds};

const SEEDS: &[&str] = &[
    "chat.example\nhttps://chat.example",
    "127.0.0.1:8080\nhttp://127.0.0.1:8080",
    "[::1]:8080\nhttp://[::1]:8080",
    "chat.example:443\nhttps://app.example",
    "localhost\nhttp://localhost\nhttp://localhost",
    "chat.example",
];

const WORDS: &[&str] = &[
    "https://",
    "http://",
    "null",
    "@",
    ":443",
    ":80",
    ".evil.example",
    "app.example",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "\n",
];

/// The host, then origins, each on a line.
pub const ORIGIN: Target = Target { name: "origin", check: origin, seeds: || seeds(SEEDS), words: WORDS, cost: 1 };

fn origin(data: &[u8]) -> u64 {
    const ALLOWED: [&str; 2] = ["https://app.example", "http://localhost:3000"];
    let mut lines = data.split(|byte| *byte == b'\n');
    let host = lines.next().and_then(|host| std::str::from_utf8(host).ok());
    let origins: Vec<&[u8]> = lines.collect();

    let listed = check(origins.iter().copied(), host, &ALLOWED.map(str::to_owned)).is_ok();
    let expected = match origins.as_slice() {
        [] => true,
        [one] => ALLOWED.iter().any(|allowed| allowed.as_bytes() == *one),
        _ => false,
    };
    assert_eq!(listed, expected, "a list lets in what is in it, byte for byte");

    let own = check(origins.iter().copied(), host, &[]).is_ok();
    match origins.as_slice() {
        [] => assert!(own, "who sends no origin is no browser"),
        [one] if own => {
            let (origin, host) = (std::str::from_utf8(one).expect("a text"), host.expect("a host"));
            let (scheme, place) = origin.split_once("://").expect("a scheme");
            assert!(matches!(scheme, "http" | "https"), "{origin}");
            assert!(!place.contains(['/', '@', '?', '#', '\\', ' ', ',', '%']), "{origin}");
            let default = if scheme == "http" { ":80" } else { ":443" };
            let whole = |place: &str| {
                // A port is what follows the last colon, if that is outside of brackets.
                let end = place.rfind(']').unwrap_or_default();
                let port = place[end..].rfind(':').map(|at| end + at);
                let (name, port) = place.split_at(port.unwrap_or(place.len()));
                let port = if port.is_empty() { default } else { port };
                (name.to_ascii_lowercase(), port[1..].parse::<u16>().expect("a port"))
            };
            assert_eq!(whole(place), whole(host), "{origin} is let in to {host}");
        }
        [_] => {}
        _ => assert!(!own, "no browser sends two"),
    }

    let mut headers = HeaderMap::new();
    for (name, values) in [(header::HOST, &[host.unwrap_or_default().as_bytes()][..]), (header::ORIGIN, &origins)] {
        for value in values {
            // What is no header's value does not come this far.
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(name.clone(), value);
            }
        }
    }
    let local = is_local(&headers);
    if local {
        let host = host.expect("a host").to_ascii_lowercase();
        let port = |(_, port): &(&str, &str)| port.bytes().all(|byte| byte.is_ascii_digit());
        let name = host.rsplit_once(':').filter(port).map_or(&*host, |(name, _)| name);
        assert!(["127.0.0.1", "localhost", "[::1]"].contains(&name), "{host} is taken for this machine");
    }
    outcome(&(listed, own, local, origins.len().min(3), host.map(|host| host.starts_with('['))))
}

/// The peer, then values of `X-Forwarded-For`, an empty line, then values of `Forwarded`.
pub const ADDRESS: Target = Target {
    name: "address",
    cost: 1,
    check: address,
    seeds: || {
        seeds(&[
            "127.0.0.1\n10.0.0.1, 203.0.113.9\n\n",
            "::1\n\nfor=10.0.0.1, for=\"[2001:db8::1]:47\";proto=https",
            "203.0.113.7\n10.0.0.1\n\nfor=10.0.0.1",
            "127.0.0.1\n\n",
            "127.0.0.1\n2001:db8::1\n::ffff:203.0.113.9\n\nfor=unknown",
        ])
    },
    words: &[
        "for=",
        "\"",
        ";",
        ",",
        "[",
        "]",
        ":4711",
        "unknown",
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "203.0.113.9",
        "\n",
        "\n\n",
    ],
};

fn address(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let (peer, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (x_forwarded_for, forwarded) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (x_forwarded_for, forwarded) = (lines(x_forwarded_for), lines(forwarded));
    let peer = SocketAddr::new(peer.parse().unwrap_or(IpAddr::from([127, 0, 0, 1])), 4711);
    let of =
        |x: &[String], f: &[String]| Client::of(peer, x.iter().map(String::as_str), f.iter().map(String::as_str), &[]);
    let client = of(&x_forwarded_for, &forwarded);
    let near = peer.ip().to_canonical();
    if !near.is_loopback() {
        assert_eq!(client, Client { ip: near, forwarded: false }, "only a proxy on this machine is believed");
    } else if x_forwarded_for.is_empty() && forwarded.is_empty() {
        assert_eq!(client, Client { ip: near, forwarded: false });
    } else {
        assert!(client.forwarded && client.is_counted());
        // What came with the request stands before what our proxy wrote, and changes nothing.
        if x_forwarded_for.is_empty() {
            let last = last_entry(&forwarded);
            assert_eq!(client, of(&[], &[format!("for=198.51.100.1;x=\"y\", {last}")]));
        } else {
            let last = last_entry(&x_forwarded_for);
            assert_eq!(client, of(&["198.51.100.1".to_owned(), format!("198.51.100.2, {last}")], &forwarded));
            if let Ok(ip) = last.parse::<IpAddr>() {
                assert_eq!(client.ip, ip.to_canonical());
            }
        }
        let known = text.contains(':') || text.contains('.');
        assert!(known || client.ip == near, "{} is made up", client.ip);
    }
    assert_eq!(client.ip, client.ip.to_canonical());
    outcome(&(client.forwarded, client.is_counted(), client.ip.is_ipv6(), client.ip == near, forwarded.len().min(3)))
}

fn last_entry(values: &[String]) -> &str {
    values.last().map_or("", |value| value.rsplit(',').next().unwrap_or_default().trim())
}
