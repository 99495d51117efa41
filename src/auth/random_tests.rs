//! Headers and claims by chance: whatever is taken has to be right in each respect.

use chrono::Utc;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{SECRET, claiming, claims, hs256, ours};
use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn claims_are_taken_only_when_each_of_them_is_right(
        sub in prop::option::of(any_json()),
        name in prop::option::of(any_json()),
        offset in prop::option::of(-100_i64..100),
        nbf in prop::option::of(any_json()),
        scope in prop::option::of(any_json()),
    ) {
        let now = Utc::now();
        let mut claims = json!({});
        for (key, value) in [("sub", &sub), ("name", &name), ("nbf", &nbf), ("scope", &scope)] {
            if let Some(value) = value {
                claims[key] = value.clone();
            }
        }
        if let Some(offset) = offset {
            claims["exp"] = json!(now.timestamp() + offset);
        }
        let expected = Expected { issuer: None, audience: None };
        if let Ok(identity) = claims::check(claims.to_string().as_bytes(), &expected, now) {
            let sub = sub.as_ref().and_then(Value::as_str).expect("a sub");
            prop_assert_eq!(&identity.user.external, sub);
            prop_assert!((1..=255).contains(&sub.chars().count()) && !sub.contains('\0'));
            prop_assert_eq!(identity.name.trim(), name.as_ref().and_then(Value::as_str).expect("a name").trim());
            prop_assert!(offset.expect("an exp") > -i64::from(LEEWAY) - 1);
            if let Some(nbf) = nbf {
                #[expect(clippy::cast_precision_loss, reason = "close is enough")]
                let latest = now.timestamp() as f64 + f64::from(LEEWAY) + 1.0;
                prop_assert!(nbf.as_f64().expect("a number") <= latest);
            }
            let word = scope.as_ref().is_some_and(|scope| scope.as_str().expect("a text").split(' ').any(|word| word == "admin"));
            prop_assert_eq!(identity.admin, word);
        }
    }

    #[test]
    fn a_header_is_taken_only_with_the_algorithm_of_the_key(
        alg in prop_oneof![Just(json!("HS256")), any_json()],
        typ in prop::option::of(prop_oneof![Just(json!("JWT")), any_json()]),
        kid in prop::option::of(any_json()),
        extra in prop::option::of(("[a-z0-9]{1,5}", any_json())),
    ) {
        let mut head = json!({"alg": alg});
        for (key, value) in [("typ", &typ), ("kid", &kid)] {
            if let Some(value) = value {
                head[key] = value.clone();
            }
        }
        if let Some((key, value)) = &extra {
            head[key] = value.clone();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let token = hs256(&head.to_string(), &claims().to_string(), SECRET);
        if runtime.block_on(ours().verify(&token)).is_ok() {
            prop_assert_eq!(&head["alg"], "HS256");
            prop_assert!(head.get("typ").is_none_or(Value::is_string));
            prop_assert!(head.get("kid").is_none_or(Value::is_string));
            prop_assert!(["crit", "b64", "zip", "enc", "cty"].iter().all(|name| head.get(*name).is_none()));
        }
    }

    #[test]
    fn no_text_makes_the_verifier_stumble(token in "[\\PC.]{0,200}", tail in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verifier = ours();
        prop_assert!(runtime.block_on(verifier.verify(&token)).is_err());
        prop_assert!(runtime.block_on(verifier.verify(&tail)).is_err());
    }

    #[test]
    fn no_changed_byte_of_a_good_token_passes(position in 0_usize..10_000, bit in 0_u32..7) {
        let good = claiming(&claims().to_string());
        let mut bytes = good.clone().into_bytes();
        let position = position % bytes.len();
        bytes[position] ^= 1 << bit;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(runtime.block_on(ours().verify(&changed)).is_err(), "{}", changed);
        }
    }
}
