//! Rules of the public address: whether an upgrade gets through, and what the daemon sees of who asks.

use std::net::IpAddr;

use serde::Deserialize;

use super::finding::{Finding, fine, problem, warning};

const WAY: &str = "public address";
const ORIGINS: &str = "origins";
/// What somebody may say of themselves: an address of no machine.
pub(super) const MADE_UP: &str = "192.0.2.1";
const SEE_PROXIES: &str = "see \"Behind a proxy\" in docs/operations.md; dist/ has snippets for nginx and Caddy";

/// What a daemon saw of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Seen {
    pub(super) client: IpAddr,
    pub(super) forwarded: bool,
    pub(super) host: Option<String>,
    /// Whether a page of the origin that was said may connect.
    pub(super) origin: bool,
    pub(super) version: String,
}

/// What came of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// With the address from which it went out.
    Seen(Seen, Option<IpAddr>),
    Refused(u16),
    Failed(String),
}

/// All that was tried.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) url: String,
    /// Host and port, as the daemon should see them.
    pub(super) host: String,
    pub(super) is_secure: bool,
    pub(super) is_loopback: bool,
    pub(super) plain: Asked,
    /// With headers that say it is somebody else, where a proxy spoke for us.
    pub(super) made_up: Option<Asked>,
    /// With each of the origins, or without a list with the address's own.
    pub(super) origins: Vec<(String, Asked)>,
    pub(super) has_list: bool,
}

pub(super) fn judge(way: &Way) -> Vec<Finding> {
    let Way { url, is_secure, is_loopback, .. } = way;
    let mut findings = Vec::new();
    if !is_secure && !is_loopback {
        let text = format!("{url} is in the clear: tokens and messages can be read on the way");
        findings.push(warning(WAY, text, "TLS at a proxy, or tls_cert and tls_key; then https://"));
    }
    match &way.plain {
        Asked::Failed(why) => findings.push(problem(
            WAY,
            format!("nothing can be asked at {url}: {why}"),
            "does the name lead there, does the daemon or the proxy run, does a firewall let it through, is the certificate one that is trusted",
        )),
        Asked::Refused(status) => findings.push(refused(url, *status)),
        Asked::Seen(seen, from) => {
            let before = findings.len();
            findings.extend(of_client(way, seen, *from));
            findings.extend(of_host(way, seen));
            if seen.version != env!("CARGO_PKG_VERSION") {
                let text = format!("tenfour {} answers there, and this is {}", seen.version, env!("CARGO_PKG_VERSION"));
                findings.push(warning(WAY, text, "nothing, if that is meant; else restart the daemon with this release"));
            }
            if findings.len() == before {
                let how = if seen.forwarded { "by a proxy that says so" } else { "directly" };
                findings.push(fine(WAY, format!("an upgrade gets through {how}; the client is {}", seen.client)));
            }
        }
    }
    findings.extend(origins(way));
    findings
}

fn refused(url: &str, status: u16) -> Finding {
    let (text, advice) = match status {
        200 => (
            "is answered, but the upgrade to a WebSocket does not come through".to_owned(),
            format!(
                "let the proxy pass it on (nginx: proxy_http_version 1.1, and the headers Upgrade and Connection); {SEE_PROXIES}"
            ),
        ),
        502..=504 => (
            format!("answers {status}: the proxy does not reach the daemon"),
            "does the daemon run, and does the proxy name its address (listen)".to_owned(),
        ),
        422 => (
            "answers 422: tenfour speaks TLS there, and is spoken to in the clear".to_owned(),
            "begin with https://; or, behind a proxy, unset tls_cert or let the proxy speak https to the daemon"
                .to_owned(),
        ),
        _ => (
            format!("answers {status} to what every daemon answers"),
            "does the URL lead to tenfour, and to one of this release".to_owned(),
        ),
    };
    problem(WAY, format!("{url} {text}"), advice)
}

fn of_client(way: &Way, seen: &Seen, from: Option<IpAddr>) -> Option<Finding> {
    if seen.forwarded {
        let pretends = matches!(&way.made_up, Some(Asked::Seen(seen, _)) if seen.client.to_string() == MADE_UP);
        return pretends.then(|| {
            problem(
                WAY,
                "the proxy passes on what clients say of themselves: anybody can be anybody, past every limit of an address",
                format!("let it write X-Forwarded-For itself (nginx: proxy_set_header X-Forwarded-For $remote_addr); {SEE_PROXIES}"),
            )
        });
    }
    if from == Some(seen.client) {
        return None;
    }
    if seen.client.is_loopback() {
        return Some(problem(
            WAY,
            "the proxy does not say who the client is: all of them are taken for this machine, and no limit of an address holds",
            format!(
                "let it send X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For $remote_addr); {SEE_PROXIES}"
            ),
        ));
    }
    let from = from.map_or_else(|| "unknown".to_owned(), |from| from.to_string());
    Some(warning(
        WAY,
        format!("the daemon takes {} for the client, which is {from}", seen.client),
        "nothing, if addresses are translated on the way. If that is a proxy, name it in trusted_proxies, else all its clients count as one",
    ))
}

fn of_host(way: &Way, seen: &Seen) -> Option<Finding> {
    let host = seen.host.as_deref().unwrap_or_default();
    if host.eq_ignore_ascii_case(&way.host) {
        return None;
    }
    let (text, advice) = (
        format!("the proxy passes on another Host: {host:?} in place of {:?}", way.host),
        "nginx: proxy_set_header Host $http_host. It decides which pages may connect where allowed_origins is not set",
    );
    Some(if way.has_list { warning(WAY, text, advice) } else { problem(WAY, text, advice) })
}

fn origins(way: &Way) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (origin, asked) in &way.origins {
        let Asked::Seen(seen, _) = asked else { continue };
        if !seen.origin {
            let text = format!("a page of {origin} may not connect");
            findings.push(if way.has_list {
                problem(ORIGINS, text, "is it in allowed_origins of the daemon that runs, which a restart takes; does the proxy change Origin")
            } else {
                problem(ORIGINS, text, "set allowed_origins to the origins of the application's pages")
            });
        }
        if way.is_secure && origin.starts_with("http://") && !origin.starts_with("http://localhost") {
            let text = format!("pages of {origin} come in the clear, and may have been changed on the way");
            findings.push(warning(ORIGINS, text, "serve them by https, and list that origin"));
        }
    }
    let asked = way.origins.iter().filter(|(_, asked)| matches!(asked, Asked::Seen(..))).count();
    if findings.is_empty() && asked > 0 {
        let whose = if way.has_list {
            format!("{asked} may connect, all that are listed")
        } else {
            "only its own pages may connect".to_owned()
        };
        findings.push(fine(ORIGINS, whose));
    }
    findings
}

#[cfg(test)]
#[path = "way_tests.rs"]
mod tests;
