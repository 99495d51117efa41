//! Tokens that somebody who wants in might send, and the good ones beside them: more than a hundred kinds.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use chrono::{Duration, Utc};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::testing::{HEADER, Pair, SECRET, all_refused, claiming, claims, header, hs256, ours, reason, sign, with};
use super::*;

#[tokio::test]
async fn a_good_token_tells_who_it_speaks_for() {
    let identity = ours().verify(&claiming(&with("scope", json!("chat admin")))).await.unwrap();
    assert_eq!(identity.user, UserRef::new("canary-sub"));
    assert_eq!(identity.name, "canary-name");
    assert!(identity.admin);
    assert!((Utc::now() + Duration::seconds(595)..Utc::now() + Duration::seconds(605)).contains(&identity.expires_at));
}

#[tokio::test]
async fn tokens_that_are_a_little_different_are_good_too() {
    let now = Utc::now().timestamp();
    for token in [
        hs256(r#"{"alg":"HS256"}"#, &claims().to_string(), SECRET),
        header(r#""typ":"jwt""#),
        header(r#""typ":"at+jwt""#),
        header(r#""typ":"application/at+jwt""#),
        header(r#""kid":"whatever the host calls it""#),
        header(r#""jku":"https://evil.example/jwks","x5u":"https://evil.example","jwk":{},"x5c":[]"#),
        claiming(&with("exp", json!(now - 4))),
        claiming(&with("exp", json!(f64::from(u32::try_from(now).unwrap()) + 0.5))),
        claiming(&with("nbf", json!(now + 4))),
        claiming(&with("sub", json!("ä".repeat(255)))),
        claiming(&with("name", json!("  Ana  "))),
        claiming(&with("unknown", json!({"deep": [1, 2, {"x": null}]}))),
        claiming(&with("iss", json!("anybody"))),
        claiming(&with("aud", json!(["anybody"]))),
    ] {
        assert_eq!(reason(&ours(), &token).await, "taken", "{token}");
    }
}

#[tokio::test]
async fn only_the_word_admin_itself_makes_an_admin() {
    for (scope, admin) in [
        ("admin", true),
        ("a admin", true),
        ("admin a", true),
        ("", false),
        ("Admin", false),
        ("administrator", false),
        ("admin,a", false),
        ("admin:read", false),
        ("\tadmin", false),
        ("superadmin", false),
    ] {
        let identity = ours().verify(&claiming(&with("scope", json!(scope)))).await.unwrap();
        assert_eq!(identity.admin, admin, "{scope:?}");
    }
}

#[tokio::test]
async fn what_is_no_whole_token_is_refused() {
    let good = claiming(&claims().to_string());
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[0] ^= 1;
    let other_body = URL_SAFE_NO_PAD.encode(with("sub", json!("canary-victim")));
    let forms = vec![
        (String::new(), "malformed"),
        (".".to_owned(), "malformed"),
        ("..".to_owned(), "malformed"),
        ("null".to_owned(), "malformed"),
        ("undefined".to_owned(), "malformed"),
        ("a.b.c".to_owned(), "malformed"),
        (format!("{head}.{body}"), "malformed"),
        (format!("{head}.{body}."), "signature"),
        (format!("{head}..{signature}"), "signature"),
        (format!(".{body}.{signature}"), "malformed"),
        (format!("{good}."), "malformed"),
        (format!("{good}.{signature}"), "malformed"),
        (format!(" {good}"), "malformed"),
        (format!("{good}\n"), "signature"),
        (format!("Bearer {good}"), "malformed"),
        (format!("{good}="), "signature"),
        (format!("{good}{}", "A".repeat(8192)), "malformed"),
        (format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(flipped)), "signature"),
        (format!("{head}.{body}.{}", &signature[..signature.len() - 4]), "signature"),
        (format!("{head}.{body}.{}", &signature[..8]), "signature"),
        (format!("{head}.{body}.AAAA"), "signature"),
        (format!("{head}.{other_body}.{signature}"), "signature"),
        (format!("{head}.{body}.{}", signature.to_lowercase()), "signature"),
        (format!("{head}\0.{body}.{signature}"), "malformed"),
        (format!("{}.{body}.{signature}", STANDARD.encode("{\"alg\":\"HS256\",\"kid\":\"???>>>\"}")), "malformed"),
        (format!("{}.{body}.{signature}", URL_SAFE.encode("{\"alg\":\"HS256\" }")), "malformed"),
        (format!("{head}.{body}.ä"), "signature"),
    ];
    assert!(all_refused(&ours(), forms).await >= 25);
}

#[tokio::test]
async fn a_header_that_asks_for_anything_else_is_refused() {
    let text = claims().to_string();
    let body = URL_SAFE_NO_PAD.encode(&text);
    let unsigned = |header: &str| format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header));
    let rsa = Pair::rsa();
    let headers = vec![
        (unsigned(r#"{"alg":"none"}"#), "header"),
        (unsigned(r#"{"alg":"None"}"#), "header"),
        (unsigned(r#"{"alg":"NONE","typ":"JWT"}"#), "header"),
        (unsigned(r#"{"alg":"nOnE"}"#), "header"),
        (hs256(r#"{"alg":"none"}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":""}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":"hs256"}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":"HS256 "}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":null}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":["HS256"]}"#, &text, SECRET), "header"),
        (hs256(r#"{"typ":"JWT"}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":"A256GCM","enc":"A256GCM"}"#, &text, SECRET), "header"),
        (hs256(r#"{"alg":"HS256","alg":"none"}"#, &text, SECRET), "malformed"),
        (hs256(r#"{"alg":"none","alg":"HS256"}"#, &text, SECRET), "malformed"),
        (hs256(r#"["HS256"]"#, &text, SECRET), "malformed"),
        (hs256(r#"{"alg":"HS256"}x"#, &text, SECRET), "malformed"),
        (hs256("", &text, SECRET), "malformed"),
        (header(r#""crit":["exp"]"#), "header"),
        (header(r#""crit":[]"#), "header"),
        (header(r#""crit":["b64"],"b64":false"#), "header"),
        (header(r#""b64":false"#), "header"),
        (header(r#""zip":"DEF""#), "header"),
        (header(r#""cty":"JWT""#), "header"),
        (header(r#""typ":"id_token""#), "header"),
        (header(r#""typ":"refresh+jwt""#), "header"),
        (header(r#""typ":"logout+jwt""#), "header"),
        (header(r#""typ":7"#), "header"),
        (header(r#""typ":null"#), "header"),
        (header(r#""kid":7"#), "header"),
        (header(r#""kid":null"#), "header"),
        (header(r#""kid":"""#), "header"),
        (header(r#""kid":"a\u0000b""#), "header"),
        (header(&format!(r#""kid":"{}""#, "k".repeat(257))), "header"),
        (
            sign(r#"{"alg":"HS384"}"#, &text, &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS384),
            "algorithm",
        ),
        (
            sign(r#"{"alg":"HS512"}"#, &text, &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS512),
            "algorithm",
        ),
        (rsa.token(None), "algorithm"),
        (hs256(HEADER, &text, "another-secret-of-thirty-two-byte"), "signature"),
        (hs256(HEADER, &text, ""), "signature"),
    ];
    assert!(all_refused(&ours(), headers).await >= 35);
}

#[tokio::test]
async fn a_time_that_is_over_or_cannot_be_read_is_refused() {
    let now = Utc::now().timestamp();
    let times = vec![
        (claiming(&with("exp", None)), "claim"),
        (claiming(&with("exp", json!(null))), "claim"),
        (claiming(&with("exp", json!("soon"))), "claim"),
        (claiming(&with("exp", json!((now + 600).to_string()))), "claim"),
        (claiming(&with("exp", json!([now + 600]))), "claim"),
        (claiming(&with("exp", json!({"value": now + 600}))), "claim"),
        (claiming(&with("exp", json!(true))), "claim"),
        (claiming(&with("exp", json!(-1))), "claim"),
        (claiming(&with("exp", json!((now + 600) * 1000))), "claim"),
        (claiming(&with("exp", json!(u64::MAX))), "claim"),
        (claiming(&with("exp", json!(1e300))), "claim"),
        (claiming(r#"{"sub":"a","name":"b","exp":1e999}"#), "malformed"),
        (claiming(r#"{"sub":"a","name":"b","exp":NaN}"#), "malformed"),
        (claiming(&with("exp", json!(0))), "expired"),
        (claiming(&with("exp", json!(now - 6))), "expired"),
        (claiming(&with("exp", json!(now - 3600))), "expired"),
        (claiming(&with("nbf", json!(now + 10))), "not_yet"),
        (claiming(&with("nbf", json!("later"))), "claim"),
        (claiming(&with("nbf", json!(null))), "claim"),
        (claiming(&with("nbf", json!((now + 10).to_string()))), "claim"),
        (claiming(&with("nbf", json!([]))), "claim"),
        (claiming(&with("nbf", json!(1e300))), "claim"),
        (claiming(&with("iat", json!("now"))), "claim"),
        (claiming(&with("iat", json!(null))), "claim"),
    ];
    assert!(all_refused(&ours(), times).await >= 20);
}

#[tokio::test]
async fn a_claim_that_is_missing_or_of_another_kind_is_refused() {
    let long = "s".repeat(256);
    let names = vec![
        (claiming(&with("sub", None)), "claim"),
        (claiming(&with("sub", json!(null))), "claim"),
        (claiming(&with("sub", json!(42))), "claim"),
        (claiming(&with("sub", json!(["canary-sub"]))), "claim"),
        (claiming(&with("sub", json!(""))), "claim"),
        (claiming(&with("sub", json!(long))), "claim"),
        (claiming(&with("sub", json!("canary\0sub"))), "malformed"),
        (claiming(&with("name", None)), "claim"),
        (claiming(&with("name", json!(null))), "claim"),
        (claiming(&with("name", json!(7))), "claim"),
        (claiming(&with("name", json!(""))), "claim"),
        (claiming(&with("name", json!("   "))), "claim"),
        (claiming(&with("name", json!(long))), "claim"),
        (claiming(&with("name", json!("canary\0"))), "malformed"),
        (claiming(&with("extra", json!(["canary\0"]))), "malformed"),
        (claiming(&with("extra", json!({"canary\0": 1}))), "malformed"),
        (claiming(&with("scope", json!(["admin"]))), "claim"),
        (claiming(&with("scope", json!(null))), "claim"),
        (claiming(&with("scope", json!(true))), "claim"),
        (claiming(&with("iss", json!(7))), "claim"),
        (claiming(&with("aud", json!(7))), "claim"),
        (claiming(&with("aud", json!([7]))), "claim"),
        (claiming(&with("aud", json!(null))), "claim"),
        (claiming(r#"{"sub":"a","sub":"b","name":"c","exp":9999999999}"#), "malformed"),
        (claiming(r#"{"sub":"a","name":"c","exp":1,"exp":9999999999}"#), "malformed"),
        (claiming(r#"{"sub":"\ud800","name":"c","exp":9999999999}"#), "malformed"),
        (claiming("[]"), "malformed"),
        (claiming("null"), "malformed"),
        (claiming(""), "malformed"),
        (claiming("{}{}"), "malformed"),
        (claiming(&format!("{}{}", "[".repeat(3000), "]".repeat(3000))), "malformed"),
    ];
    assert!(all_refused(&ours(), names).await >= 25);
}
