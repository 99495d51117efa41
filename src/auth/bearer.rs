//! Where in a request its token is.

use super::error::AuthError;

/// The sub-protocol of the WebSocket, version 1.
const PROTOCOL: &str = "tenfour.v1";
/// Before a token among the sub-protocols.
const BEARER: &str = "bearer.";

/// A token as it was presented, not yet checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    pub token: String,
    pub via: Via,
}

/// How a token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Authorization,
    Query,
    /// The answer has to select `tenfour.v1`.
    SubProtocol,
}

/// The token of a request: `Authorization: Bearer JWT`, else the sub-protocols `tenfour.v1, bearer.JWT`, else
/// `?token=JWT`. REST gives an empty query and no sub-protocols, since there only the first one counts.
pub fn bearer_of(authorization: Option<&str>, query: &str, protocols: Option<&str>) -> Result<Presented, AuthError> {
    if let Some(token) = authorization.and_then(of_authorization) {
        return Ok(Presented { token: token.to_owned(), via: Via::Authorization });
    }
    if let Some(token) = protocols.and_then(of_protocols) {
        return Ok(Presented { token: token.to_owned(), via: Via::SubProtocol });
    }
    match of_query(query) {
        Some(token) => Ok(Presented { token, via: Via::Query }),
        None => Err(AuthError::Missing),
    }
}

/// Whether the client speaks `tenfour.v1`, so that the answer may select it.
pub fn offers_protocol(protocols: &str) -> bool {
    protocols.split(',').any(|protocol| protocol.trim() == PROTOCOL)
}

/// The scheme in any case, as all schemes are (RFC 9110, 11.1).
fn of_authorization(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Only together with the protocol itself: the answer has to select one that was offered, and never the token.
fn of_protocols(value: &str) -> Option<&str> {
    if !offers_protocol(value) {
        return None;
    }
    value.split(',').find_map(|protocol| protocol.trim().strip_prefix(BEARER)).filter(|token| !token.is_empty())
}

fn of_query(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    percent_decoded(value).filter(|token| !token.is_empty())
}

/// No token needs escapes, but a client that escapes everything is right too.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit()? * 16 + digit()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

/// The token itself never prints.
impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("via", &self.via).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(authorization: Option<&str>, query: &str, protocols: Option<&str>) -> Option<(String, Via)> {
        bearer_of(authorization, query, protocols).ok().map(|presented| (presented.token, presented.via))
    }

    #[test]
    fn what_is_printed_says_where_it_was_and_not_what_it_is() {
        let presented = bearer_of(Some("Bearer a.b.c"), "", None).unwrap();
        assert_eq!(format!("{presented:?}"), "Presented { via: Authorization, .. }");
    }

    #[test]
    fn each_way_is_found_and_the_header_comes_first() {
        for (authorization, query, protocols, expected) in [
            (Some("Bearer a.b.c"), "", None, Some(("a.b.c", Via::Authorization))),
            (Some("bearer   a.b.c "), "", None, Some(("a.b.c", Via::Authorization))),
            (Some("Bearer a.b.c"), "token=d", Some("tenfour.v1, bearer.e"), Some(("a.b.c", Via::Authorization))),
            (None, "token=a.b.c", None, Some(("a.b.c", Via::Query))),
            (None, "x=1&token=a%2Eb%2ec&y=2", None, Some(("a.b.c", Via::Query))),
            (Some("Basic dTpw"), "token=a.b.c", None, Some(("a.b.c", Via::Query))),
            (None, "", Some("tenfour.v1, bearer.a.b.c"), Some(("a.b.c", Via::SubProtocol))),
            (None, "", Some("bearer.a.b.c,tenfour.v1"), Some(("a.b.c", Via::SubProtocol))),
            (None, "token=d", Some("tenfour.v1,bearer.a.b.c"), Some(("a.b.c", Via::SubProtocol))),
        ] {
            let expected = expected.map(|(token, via)| (token.to_owned(), via));
            assert_eq!(found(authorization, query, protocols), expected, "{authorization:?} {query} {protocols:?}");
        }
    }

    #[test]
    fn what_is_no_token_is_missing() {
        for (authorization, query, protocols) in [
            (None, "", None),
            (Some(""), "", None),
            (Some("Bearer"), "", None),
            (Some("Bearer "), "", None),
            (Some("a.b.c"), "", None),
            (Some("Token a.b.c"), "", None),
            (None, "token=", None),
            (None, "tokens=a.b.c", None),
            (None, "token=%zz", None),
            (None, "token=%2", None),
            (None, "token=%ff", None),
            (None, "", Some("bearer.a.b.c")),
            (None, "", Some("tenfour.v1")),
            (None, "", Some("tenfour.v1, bearer.")),
            (None, "", Some("tenfour.v2, bearer.a.b.c")),
        ] {
            let result = bearer_of(authorization, query, protocols);
            assert_eq!(result, Err(AuthError::Missing), "{authorization:?} {query} {protocols:?}");
        }
    }

    #[test]
    fn a_presented_token_never_prints() {
        let presented = bearer_of(Some("Bearer canary"), "", None);
        assert!(!format!("{presented:?}").contains("canary"));
    }
}
