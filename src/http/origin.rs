//! Which web pages may open a WebSocket: browsers send cookies and reach loopback for any page that asks them to.
//!
//! Used before anything else is looked at. Never decides who the user is: whatever is no browser passes.

use actix_web::http::header::{self, HeaderMap};

const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// A page whose origin is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this page's origin is not allowed; add it to TENFOUR_ALLOWED_ORIGINS, exactly as the browser sends it")]
pub struct OriginRefused;

/// Compares the request's `Origin` headers (all of them) with the list. With an empty list the page must come from the
/// daemon itself: its host and port are those of the request's `Host`. Without the header it is no browser, and passes.
pub fn check<'a>(
    origins: impl IntoIterator<Item = &'a [u8]>,
    host: Option<&str>,
    allowed: &[String],
) -> Result<(), OriginRefused> {
    let mut origins = origins.into_iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => return Ok(()),
        (Some(origin), None) => std::str::from_utf8(origin).map_err(|_| OriginRefused)?,
        // No browser sends two, and another part of the way might look at the other one.
        (Some(_), Some(_)) => return Err(OriginRefused),
    };
    let is_in = if allowed.is_empty() { is_own(origin, host) } else { allowed.iter().any(|allowed| allowed == origin) };
    if is_in { Ok(()) } else { Err(OriginRefused) }
}

/// Whether a request is for this machine by name and of no page from elsewhere: a page's own name may be made to lead to
/// loopback.
pub fn is_local(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).map(|host| host.to_str().ok());
    let (Some(Some(host)), None) = (hosts.next(), hosts.next()) else { return false };
    let is_loopback =
        split_port(host).is_some_and(|(name, _)| LOOPBACK.iter().any(|local| name.eq_ignore_ascii_case(local)));
    is_loopback && check(headers.get_all(header::ORIGIN).map(header::HeaderValue::as_bytes), Some(host), &[]).is_ok()
}

/// The daemon does not know whether a proxy before it speaks TLS, so either scheme will do, each with its own port.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let Some((scheme, place)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return false,
    };
    // Browsers write an origin in lower case; a host may come in any.
    if place.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return false;
    }
    let (Some(from), Some(to)) = (split_port(place), host.and_then(split_port)) else { return false };
    from.0.eq_ignore_ascii_case(to.0) && from.1.unwrap_or(default_port) == to.1.unwrap_or(default_port)
}

/// Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; None where it is none of them.
fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    let end = if place.starts_with('[') { place.find(']')? + 1 } else { place.find(':').unwrap_or(place.len()) };
    let (host, rest) = place.split_at(end);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return None;
    }
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((host, None)),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some((host, Some(port.parse().ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(origin: &str, host: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
        check([origin.as_bytes()], Some(host), &allowed).is_ok()
    }

    #[test]
    fn an_origin_of_the_list_passes_and_nothing_that_resembles_it() {
        let list = ["https://app.example", "http://localhost:3000"];
        for good in list {
            assert!(passes(good, "chat.example", &list), "{good}");
        }
        for bad in [
            "",
            "null",
            "*",
            "https://app.example.",
            "https://app.example/",
            "https://app.example:443",
            "https://app.example:8443",
            "http://app.example",
            "https://APP.example",
            "HTTPS://app.example",
            "https://app.example.evil.example",
            "https://evil-app.example",
            "https://evil.example/https://app.example",
            "https://app.example@evil.example",
            "https://evil.example#https://app.example",
            "https://evil.example?https://app.example",
            "https://sub.app.example",
            "https://app.exampl",
            "https://app.example https://evil.example",
            "https://app.example,https://evil.example",
            " https://app.example",
            "https://app.example ",
            "app.example",
            "//app.example",
            "file://",
            "http://localhost",
            "http://localhost:30000",
            "http://localhost:3000.evil.example",
            "http://127.0.0.1:3000",
            "https://chat.example",
            "https://xn--app-example",
            "https://app.ex\u{430}mple",
        ] {
            assert!(!passes(bad, "chat.example", &list), "{bad}");
        }
    }

    #[test]
    fn without_a_list_only_the_daemons_own_pages_pass() {
        for (origin, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("https://chat.example", "chat.example"),
            ("http://chat.example", "chat.example"),
            ("https://chat.example", "chat.example:443"),
            ("http://chat.example", "chat.example:80"),
            ("https://chat.example:8443", "chat.example:8443"),
            ("https://chat.example", "Chat.Example"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert!(passes(origin, host, &[]), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "chat.example"),
            ("null", "null"),
            ("https://evil.example", "chat.example"),
            ("https://chat.example.evil.example", "chat.example"),
            ("https://evil.example", "chat.example:443"),
            ("https://chat.example:8443", "chat.example"),
            ("https://chat.example", "chat.example:80"),
            ("https://chat.example", "chat.example:8080"),
            ("http://localhost:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8081", "127.0.0.1:8080"),
            ("https://CHAT.example", "chat.example"),
            ("ws://chat.example", "chat.example"),
            ("file://chat.example", "chat.example"),
            ("https://chat.example/", "chat.example"),
            ("https://me@chat.example", "chat.example"),
            ("https://chat.example", "me@chat.example"),
            ("https://", ""),
            ("https://:443", ":443"),
            ("https://chat.example:+443", "chat.example"),
            ("https://chat.example:", "chat.example"),
            ("https://chat.example:99999", "chat.example:99999"),
            ("https://[::1", "[::1"),
            ("https://[::1]x", "[::1]x"),
        ] {
            assert!(!passes(origin, host, &[]), "{origin} {host}");
        }
    }

    #[test]
    fn who_sends_no_origin_is_no_browser_and_who_sends_two_is_refused() {
        let list = vec!["https://app.example".to_owned()];
        let app: &[u8] = b"https://app.example";
        assert_eq!(check([], None, &list), Ok(()));
        assert_eq!(check([], None, &[]), Ok(()));
        assert_eq!(check([app], None, &list), Ok(()));
        assert_eq!(check([app], None, &[]), Err(OriginRefused));
        assert_eq!(check([app, app], None, &list), Err(OriginRefused));
        assert_eq!(check([b"https://app.example\xff".as_slice()], None, &list), Err(OriginRefused));
    }
}
