use super::super::finding::State;
use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seen(client: &str, forwarded: bool) -> Seen {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Seen { client: ip(client), forwarded, host: Some("chat.example".to_owned()), origin: true, version }
}

/// What is asked from 198.51.100.7, with a proxy between.
fn way(plain: Asked) -> Way {
    Way {
        url: "https://chat.example".to_owned(),
        host: "chat.example".to_owned(),
        is_secure: true,
        is_loopback: false,
        made_up: Some(plain.clone()),
        origins: vec![("https://app.example".to_owned(), plain.clone())],
        plain,
        has_list: true,
    }
}

fn by_us(seen: Seen) -> Asked {
    Asked::Seen(seen, Some(ip("198.51.100.7")))
}

/// The state of the worst, and all lines.
fn judged(way: &Way) -> (State, String) {
    let found = judge(way);
    let worst = found.iter().map(|finding| finding.state).max().unwrap();
    (worst, found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn expect(way: &Way, state: State, words: &str) {
    let (worst, lines) = judged(way);
    assert!(worst == state && lines.contains(words), "{words}: {lines}");
}

#[test]
fn what_comes_through_is_well() {
    expect(&way(by_us(seen("198.51.100.7", true))), State::Ok, "by a proxy that says so; the client is 198.51.100.7");
    expect(&way(by_us(seen("198.51.100.7", false))), State::Ok, "directly");
    let own = Way { has_list: false, ..way(by_us(seen("198.51.100.7", false))) };
    expect(&own, State::Ok, "only its own pages");
}

#[test]
fn a_proxy_that_drops_or_believes_too_much_is_a_problem() {
    expect(&way(Asked::Refused(200)), State::Problem, "proxy_http_version 1.1");
    expect(&way(Asked::Refused(502)), State::Problem, "does not reach the daemon");
    expect(&way(Asked::Refused(422)), State::Problem, "begin with https://");
    expect(&way(Asked::Refused(404)), State::Problem, "does the URL lead to tenfour");
    expect(&way(Asked::Failed("no such host".to_owned())), State::Problem, "no such host");
    expect(&way(by_us(seen("127.0.0.1", false))), State::Problem, "does not say who the client is");
    expect(&way(by_us(seen("10.0.0.5", false))), State::Warning, "trusted_proxies");
    let believing = Way { made_up: Some(by_us(seen(MADE_UP, true))), ..way(by_us(seen("198.51.100.7", true))) };
    expect(&believing, State::Problem, "anybody can be anybody");
}

#[test]
fn hosts_origins_and_releases_are_as_they_should_be() {
    let other = Seen { host: Some("127.0.0.1:8080".to_owned()), ..seen("198.51.100.7", true) };
    expect(&way(by_us(other.clone())), State::Warning, "another Host");
    expect(&Way { has_list: false, ..way(by_us(other)) }, State::Problem, "proxy_set_header Host");
    let older = Seen { version: "0.0.9".to_owned(), ..seen("198.51.100.7", true) };
    expect(&way(by_us(older)), State::Warning, "tenfour 0.0.9");
    let good = way(by_us(seen("198.51.100.7", true)));
    let closed = by_us(Seen { origin: false, ..seen("198.51.100.7", true) });
    let with = |origin: &str, asked: Asked| Way { origins: vec![(origin.to_owned(), asked)], ..good.clone() };
    expect(&with("https://app.example", closed.clone()), State::Problem, "https://app.example may not connect");
    expect(&Way { has_list: false, ..with("https://chat.example", closed) }, State::Problem, "set allowed_origins");
    expect(&with("http://app.example", good.plain.clone()), State::Warning, "in the clear");
    expect(&with("http://localhost:3000", good.plain.clone()), State::Ok, "1 may connect");
    let clear = Way { url: "http://chat.example".to_owned(), is_secure: false, ..good };
    expect(&clear, State::Warning, "tls_cert");
}
