//! What each kind of setting may be. An error says what is allowed; the loader adds which setting and from where.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::source::Raw;
use super::{AttachmentPlace, HmacKey, LogFormat, Secret, SecretUrl};

/// RFC 8725, 3.5: an HS256 secret has at least as many bits as its hash.
pub(super) const MIN_SECRET_BYTES: usize = 32;
/// The longest name of a key.
const MAX_KID: usize = 128;

pub(super) type Parsed<T> = Result<T, String>;

pub(super) fn address(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| "must be IP:PORT, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

pub(super) fn address_or_off(text: &str) -> Parsed<Option<SocketAddr>> {
    if text == "off" {
        return Ok(None);
    }
    address(text).map(Some).map_err(|error| format!("{error}, or off"))
}

pub(super) fn count(text: &str, allowed: RangeInclusive<usize>) -> Parsed<usize> {
    let (low, high) = (*allowed.start(), *allowed.end());
    match text.parse() {
        Ok(number) if allowed.contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {low} to {high}")),
    }
}

pub(super) fn rate(text: &str) -> Parsed<Option<NonZeroU32>> {
    if text == "off" {
        return Ok(None);
    }
    match text.parse::<NonZeroU32>() {
        Ok(number) if number.get() <= 100_000 => Ok(Some(number)),
        _ => Err("must be messages a second, a whole number from 1 to 100000, or off".to_owned()),
    }
}

/// A schema's name goes into SQL, so only plain identifiers are taken.
pub(super) fn schema(text: &str) -> Parsed<String> {
    let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let start = text.bytes().next().is_some_and(|byte| matches!(byte, b'a'..=b'z' | b'_'));
    if plain && start && text.len() <= 63 && !text.starts_with("pg_") {
        Ok(text.to_owned())
    } else {
        Err("must be a name of 1 to 63 lower-case letters, digits and _, not beginning with a digit or pg_".to_owned())
    }
}

/// `iss` and `aud`, the names of files.
pub(super) fn text(text: &str) -> Parsed<String> {
    if text.is_empty() || text.len() > 1024 || text.contains('\0') {
        return Err("must be a text of 1 to 1024 bytes without U+0000".to_owned());
    }
    Ok(text.to_owned())
}

/// A list in the file, or one text with commas.
pub(super) fn parts<T>(raw: &Raw, part: impl Fn(&str) -> Parsed<T>) -> Parsed<Vec<T>> {
    match raw {
        Raw::Text(text) => text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(part).collect(),
        Raw::List(list) => list.iter().map(String::as_str).map(part).collect(),
        Raw::Table(_) => Err("must be a list".to_owned()),
    }
}

pub(super) fn origins(raw: &Raw) -> Parsed<Vec<String>> {
    parts(raw, origin)
}

/// Those whose word counts: not everybody.
pub(super) fn proxies(raw: &Raw) -> Parsed<Vec<IpNet>> {
    parts(raw, |text| {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        match net {
            Ok(net) if net.prefix_len() > 0 => Ok(net.trunc()),
            Ok(_) => Err(format!("{text:?} is everybody, who could then be anybody")),
            Err(_) => Err(format!("{text:?} must be an address, or a network such as 10.0.0.0/8")),
        }
    })
}

/// As a browser writes it, since it is compared as it is.
fn origin(text: &str) -> Parsed<String> {
    let wrong = |why: &str| {
        Err(format!(
            "{text:?} {why}; write an origin as browsers do, such as https://app.example or http://localhost:3000"
        ))
    };
    let Some((scheme, place)) = text.split_once("://") else { return wrong("has no scheme") };
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return wrong("is neither https nor http"),
    };
    if place.is_empty() || place.bytes().any(|byte| !byte.is_ascii_graphic() || b"/?#@*\\".contains(&byte)) {
        return wrong("has a path, a pattern or something else that no origin has");
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return wrong("has capital letters");
    }
    if place.ends_with(default_port) {
        return wrong("names the default port, which browsers leave out");
    }
    Ok(text.to_owned())
}

/// Levels by module, as `env_logger` has them; a mistyped level would otherwise be taken for a module.
pub fn log_filter(text: &str) -> Parsed<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let right = text.split(',').map(str::trim).all(|part| match part.split_once('=') {
        None => LEVELS.contains(&part),
        Some((module, level)) => !module.is_empty() && LEVELS.contains(&level),
    });
    if right {
        return Ok(text.to_owned());
    }
    Err(format!("must be one of {}, or several parts such as info,tenfour::store=debug", LEVELS.join(", ")))
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "journal" => Ok(LogFormat::Journal),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be auto, text, journal or json".to_owned()),
    }
}

/// Where traces go. Who needs a password there has a collector of their own for that.
pub(super) fn collector(text: &str) -> Parsed<String> {
    let wrong = || "must be http://HOST:PORT or https://HOST, without a user, a query and /v1/traces".to_owned();
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_right = matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
    if is_plain && is_right && !url.path().ends_with("/v1/traces") { Ok(text.to_owned()) } else { Err(wrong()) }
}

pub(super) fn share(text: &str) -> Parsed<f64> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be a number from 0 to 1, such as 0.05".to_owned())
}

pub(super) fn switch(text: &str) -> Parsed<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off".to_owned()),
    }
}

pub(super) fn database_url(text: &str) -> Parsed<SecretUrl> {
    if super::database::Kind::of(text).is_none() {
        return Err("must be sqlite:FILE, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE".to_owned());
    }
    Ok(SecretUrl::new(text))
}

pub(super) fn attachments(text: &str) -> Parsed<AttachmentPlace> {
    let wrong = || "must be file:///FOLDER, s3://BUCKET/PREFIX or off".to_owned();
    if text == "off" {
        return Ok(AttachmentPlace::Off);
    }
    if let Some(path) = text.strip_prefix("file://") {
        let usable = path.starts_with('/') && path.len() > 1 && !path.contains('\0');
        return if usable { Ok(AttachmentPlace::Folder(path.into())) } else { Err(wrong()) };
    }
    let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || !bucket.chars().all(plain) || !prefix.chars().all(|c| plain(c) || c == '/') {
        return Err(wrong());
    }
    Ok(AttachmentPlace::S3 { bucket: bucket.to_owned(), prefix: prefix.trim_end_matches('/').to_owned() })
}

pub(super) fn redis_url(text: &str) -> Parsed<SecretUrl> {
    let known = ["redis://", "rediss://", "redis+unix://", "unix://"];
    if known.iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme)) {
        return Ok(SecretUrl::new(text));
    }
    Err("must be redis://HOST:PORT, rediss://HOST:PORT or unix://PATH".to_owned())
}

/// Keys that come in the clear could be anybody's: plain http never leaves the machine.
pub(super) fn jwks_url(text: &str) -> Parsed<String> {
    let allowed = "must be https://HOST/PATH, or http:// on loopback, without user and password";
    let url = reqwest::Url::parse(text).map_err(|_| allowed.to_owned())?;
    let plain = url.scheme() == "http" && url.host_str().is_some_and(is_loopback);
    if (url.scheme() == "https" || plain) && url.username().is_empty() && url.password().is_none() {
        return Ok(text.to_owned());
    }
    Err(allowed.to_owned())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn secret(text: &str) -> Parsed<Secret> {
    if text.len() < MIN_SECRET_BYTES {
        return Err(format!(
            "is {} bytes long; an HS256 secret has {MIN_SECRET_BYTES} or more: `openssl rand -hex 32` makes one",
            text.len()
        ));
    }
    Ok(Secret::new(text))
}

/// The one that the host application may have already; how short it may be depends on who can reach the daemon.
pub(super) fn host_secret(text: &str) -> Parsed<Secret> {
    if text.is_empty() { secret(text) } else { Ok(Secret::new(text)) }
}

/// `kid:secret,kid:secret`, also one a line; or a table in the file.
pub(super) fn keys(raw: &Raw) -> Parsed<Vec<HmacKey>> {
    let pairs: Vec<(&str, &str)> = match raw {
        Raw::Table(table) => table.iter().map(|(kid, secret)| (kid.as_str(), secret.as_str())).collect(),
        Raw::Text(text) => text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once(':').ok_or("must be KID:SECRET,KID:SECRET"))
            .collect::<Result<_, _>>()?,
        Raw::List(_) => return Err("must be a table of kid = secret".to_owned()),
    };
    if pairs.is_empty() {
        return Err("must name at least one key".to_owned());
    }
    let mut keys: Vec<HmacKey> = Vec::with_capacity(pairs.len());
    for (index, (kid, text)) in pairs.into_iter().enumerate() {
        // Never the kid itself: who mixes up the order has a secret there.
        let place = format!("key {}", index + 1);
        if kid.is_empty() || kid.len() > MAX_KID || !kid.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{place}: the kid must be 1 to {MAX_KID} printable ASCII characters"));
        }
        if keys.iter().any(|key| key.kid.as_deref() == Some(kid)) {
            return Err(format!("{place}: the kid is used twice"));
        }
        let secret = secret(text).map_err(|error| format!("{place}: {error}"))?;
        keys.push(HmacKey { kid: Some(kid.to_owned()), secret });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for good in ["https://app.example", "http://localhost:3000", "https://[::1]:8443", "http://app.example:443"] {
            assert_eq!(origin(good), Ok(good.to_owned()));
        }
        for bad in [
            "*",
            "null",
            "app.example",
            "https://",
            "https://*.example",
            "https://app.example/",
            "https://App.example",
            "https://app.example:443",
            "http://app.example:80",
            "ftp://app.example",
            "https://a@b",
            "https://a b",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_networks_and_never_all_of_them() {
        let of = |text: &str| proxies(&Raw::Text(text.to_owned()));
        let found = of("10.1.2.3/8, 192.0.2.1,2001:db8::/32").unwrap();
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
        );
        for bad in ["proxy", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1 10.0.0.2"] {
            assert!(of(bad).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn attachments_have_a_place_or_none() {
        let s3 =
            |bucket: &str, prefix: &str| AttachmentPlace::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        assert_eq!(attachments("off"), Ok(AttachmentPlace::Off));
        assert_eq!(attachments("file:///var/lib/files"), Ok(AttachmentPlace::Folder("/var/lib/files".into())));
        assert_eq!(attachments("s3://chat"), Ok(s3("chat", "")));
        assert_eq!(attachments("s3://chat/files/"), Ok(s3("chat", "files")));
        for bad in
            ["", "on", "/var", "file://", "file:///", "file://host/a", "s3://", "s3:///a", "s3://a b", "s3://a/?x"]
        {
            assert!(attachments(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_http_for_keys_stays_on_the_machine() {
        for good in ["https://id.example/jwks", "http://127.0.0.1:9/k", "http://[::1]/k", "http://localhost:3000/k"] {
            assert!(jwks_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "jwks",
            "http://id.example/jwks",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "https://me:secret@id.example/",
            "file:///etc/passwd",
            "http://10.0.0.1/",
        ] {
            assert!(jwks_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        for bad in ["", "a b", "a;drop", "1a", "pg_temp", "A", "a\"b", &"a".repeat(64)] {
            assert!(schema(bad).is_err(), "{bad}");
        }
        assert_eq!(schema("chat_2"), Ok("chat_2".to_owned()));
    }

    #[test]
    fn a_mistyped_level_is_no_module() {
        for good in ["info", "off", "warn,tenfour::store=debug"] {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for bad in ["", "inof", "info,tenfour", "tenfour=loud", "=info"] {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_have_distinct_names_and_long_secrets() {
        let long = "s".repeat(32);
        let parse = |text: &str| keys(&Raw::Text(text.to_owned()));
        let two = parse(&format!("new:{long},old:{long}:colon")).expect("two keys");
        assert_eq!(two[0].kid.as_deref(), Some("new"));
        assert_eq!(two[1].secret.expose(), format!("{long}:colon"));
        let lines = parse(&format!("new:{long}\r\n\nold:{long}")).expect("a line each");
        assert_eq!(lines[1].secret.expose(), long);
        for bad in ["", "x", "new:short", &format!(":{long}"), &format!("a:{long},a:{long}"), &format!("a b:{long}")] {
            let error = parse(bad).expect_err(bad);
            assert!(!error.contains(&long), "{error}");
        }
    }

    #[test]
    fn a_collector_is_a_plain_address_and_a_share_a_part_of_all() {
        for good in ["http://127.0.0.1:4318", "https://otel.example/tenant"] {
            assert_eq!(collector(good), Ok(good.to_owned()));
        }
        for bad in ["", "127.0.0.1:4318", "grpc://a", "http://a:b@c", "http://a/v1/traces", "http://a?b=c"] {
            assert!(collector(bad).is_err(), "{bad}");
        }
        assert_eq!((share("0"), share("1"), share("0.25")), (Ok(0.0), Ok(1.0), Ok(0.25)));
        for bad in ["", "-0.1", "1.1", "5%", "NaN"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_numbers_or_off() {
        assert_eq!(rate("off"), Ok(None));
        assert_eq!(rate("10"), Ok(NonZeroU32::new(10)));
        for bad in ["0", "-1", "100001", "on", "1.5", ""] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
