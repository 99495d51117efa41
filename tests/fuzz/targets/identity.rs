//! Who a stranger says to be: tokens, their claims, where they are in a request, and ids.

use std::cell::LazyCell;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use serde_json::Value;
use tenfour::auth::{Identity, LEEWAY, Verifier, Via, bearer_of, offers_protocol};
use tenfour::config::AuthSettings;
use tenfour::domain::ids::{ChannelId, UserId};
use uuid::Uuid;

use super::{Target, outcome, seeds};

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const SECRET: &str = "a secret of the fuzzer, of 32 bytes and more";

thread_local! {
    static VERIFIER: LazyCell<Verifier> = LazyCell::new(|| Verifier::new(&settings()).unwrap());
}

fn settings() -> AuthSettings {
    AuthSettings::with_secret(SECRET)
}

fn verify(token: &str) -> Result<Identity, tenfour::auth::AuthError> {
    VERIFIER.with(|verifier| verifier.verify(token).now_or_never()).expect("own keys need no waiting")
}

/// Written here once more, so that not the verifier vouches for itself.
fn signature(signed: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{signed}.{}", signature(&signed))
}

/// A text as a token: taken only when we have signed it.
pub const TOKEN: Target = Target {
    name: "token",
    check: token,
    seeds: token_seeds,
    words: &[".", "=", "eyJ", "eyJhbGciOiJub25lIn0"],
    cost: 1,
};

fn token(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let verified = verify(&text);
    if verified.is_ok() {
        let (head, tag) = text.rsplit_once('.').expect("a token has parts");
        assert_eq!(tag, signature(head), "taken, but not signed by us");
        assert_eq!(head.split('.').count(), 2);
    }
    outcome(&verified)
}

fn token_seeds() -> Vec<Vec<u8>> {
    let plain = signed(HEADER.as_bytes(), br#"{"sub":"ana","name":"Ana","exp":4000000000}"#);
    let admin = signed(HEADER.as_bytes(), br#"{"sub":"host","name":"Host","exp":4000000000,"scope":"admin"}"#);
    let head = |text: &str| text.rsplit_once('.').unwrap().0.to_owned();
    let unsigned = format!("{}.", head(&plain));
    let swapped = format!("{}.{}", head(&admin), plain.rsplit_once('.').unwrap().1);
    [plain, admin, unsigned, swapped, "a.b.c".to_owned()].into_iter().map(String::into_bytes).collect()
}

/// A header and claims, each on a line, that we have signed: taken only when each claim is right.
pub const CLAIMS: Target = Target {
    name: "claims",
    check: claims,
    seeds: claims_seeds,
    words: &[
        "sub", "name", "exp", "nbf", "iat", "scope", "admin", "alg", "none", "HS256", "typ", "kid", "crit", "zip",
        "enc", "b64", "cty", "\n",
    ],
    cost: 1,
};

fn claims(data: &[u8]) -> u64 {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (header, claims) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let verified = verify(&signed(header, claims));
    if let Ok(identity) = &verified {
        let header: Value = serde_json::from_slice(header).expect("the header is JSON");
        let claims: Value = serde_json::from_slice(claims).expect("the claims are JSON");
        assert_eq!(header["alg"], "HS256");
        assert!(["crit", "b64", "zip", "enc", "cty"].iter().all(|name| header.get(*name).is_none()), "{header}");
        let sub = claims["sub"].as_str().expect("a sub");
        assert!((1..=255).contains(&sub.chars().count()) && !sub.contains('\0'));
        assert_eq!((identity.user.external.as_str(), identity.user.id), (sub, UserId::from_external(sub)));
        let name = claims["name"].as_str().expect("a name");
        assert!(!identity.name.is_empty() && identity.name == name.trim());
        #[expect(clippy::cast_precision_loss, reason = "close is enough")]
        let now = chrono::Utc::now().timestamp() as f64;
        let leeway = f64::from(LEEWAY) + 1.0;
        assert!(claims["exp"].as_f64().expect("an exp") > now - leeway);
        assert!(claims.get("nbf").is_none_or(|nbf| nbf.as_f64().expect("a number") < now + leeway));
        let scope = claims.get("scope").map_or("", |scope| scope.as_str().expect("a text"));
        assert_eq!(identity.admin, scope.split(' ').any(|word| word == "admin"));
    }
    outcome(&verified)
}

fn claims_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        &format!("{HEADER}\n{}", r#"{"sub":"ana","name":"Ana","exp":4000000000}"#),
        &format!(
            "{HEADER}\n{}",
            r#"{"sub":"host","name":"Host","exp":4000000000,"nbf":1,"iat":1,"scope":"read admin"}"#
        ),
        &format!("{}\n{}", r#"{"alg":"HS256","kid":"a","cty":"JWT"}"#, r#"{"sub":7,"name":"","exp":"4000000000"}"#),
        &format!(
            "{}\n{}",
            r#"{"alg":"none"}"#, r#"{"sub":"ana","name":"Ana","exp":4000000000.5,"scope":"administrator"}"#
        ),
    ])
}

/// Authorization, query and sub-protocols, each on a line.
pub const BEARER: Target = Target {
    name: "bearer",
    check: bearer,
    seeds: || {
        seeds(&[
            "Bearer a.b.c\n\n",
            "\ntoken=a.b.c&x=1\n",
            "\n\ntenfour.v1, bearer.a.b.c",
            "Basic eA==\ntoken=%61\ntenfour.v1",
        ])
    },
    words: &["Bearer ", "bearer.", "tenfour.v1", "token=", ",", "&", "%2e", "\n"],
    cost: 1,
};

fn bearer(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let (authorization, query, protocols) =
        (lines.next().filter(|line| !line.is_empty()), lines.next().unwrap_or_default(), lines.next());
    let presented = bearer_of(authorization, query, protocols);
    let seen = presented.as_ref().map(|presented| (&*presented.token, presented.via)).ok();
    match seen {
        Some((token, Via::Authorization)) => {
            let value = authorization.unwrap().trim();
            assert!(value.to_ascii_lowercase().starts_with("bearer ") && value.ends_with(token), "{value}");
        }
        Some((token, Via::SubProtocol)) => {
            let offered = protocols.unwrap();
            assert!(offers_protocol(offered), "the answer must select what was offered");
            assert!(offered.split(',').any(|one| one.trim() == format!("bearer.{token}")), "{offered}");
        }
        Some((_, Via::Query)) => assert!(query.split('&').any(|pair| pair.starts_with("token=")), "{query}"),
        None => {}
    }
    assert!(seen.is_none_or(|(token, _)| !token.is_empty()));
    // The header is looked at first, and what else is there does not change what it says.
    let header = bearer_of(authorization, "", None);
    if let Ok(header) = &header {
        assert_eq!(seen, Some((&*header.token, Via::Authorization)));
    }
    outcome(&(seen.map(|(_, via)| via), header.is_ok()))
}

pub const IDS: Target = Target {
    name: "ids",
    check: ids,
    seeds: || {
        seeds(&["0198c0de-0000-7000-8000-000000000001", "0198C0DE-0000-7000-8000-000000000001", "42", "ana@example"])
    },
    words: &["-", "urn:uuid:", "{", "}", "0198c0de00007000800000000000 0001"],
    cost: 1,
};

fn ids(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let hyphenated = |text: &str| {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let parsed = text.parse::<ChannelId>();
    assert_eq!(parsed.is_ok(), hyphenated(&text), "{text:?}");
    if let Ok(id) = parsed {
        assert!(id.to_string().eq_ignore_ascii_case(&text));
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    let user = UserId::from_external(&text);
    let own = hyphenated(&text) && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if own {
        assert_eq!(user.to_string(), text);
    } else {
        let namespace = Uuid::from_u128(0x7e4f_0a10_0000_5000_8000_0000_0000_0010);
        assert_eq!(user.0, Uuid::new_v5(&namespace, text.as_bytes()));
    }
    u64::from(parsed.is_ok()) * 2 + u64::from(own) + 4 * (text.len() as u64 / 4)
}
