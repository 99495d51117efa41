//! Signatures as Standard Webhooks has them: HMAC-SHA-256 over the event's id, the time and the body.

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::webhook::SigningSecret;

/// The value of `webhook-signature`: one for each secret, so that a receiver may take either while they are changed.
pub(super) fn signatures<'a>(
    secrets: impl IntoIterator<Item = &'a SigningSecret>,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let one = |secret: &SigningSecret| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.bytes()));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    };
    secrets.into_iter().map(one).collect::<Vec<_>>().join(" ")
}

/// `None`: the system gives no random bytes.
pub fn fresh_secret() -> Option<SigningSecret> {
    let mut bytes = vec![0; SigningSecret::LEN];
    rand::fill(&mut bytes).ok()?;
    SigningSecret::new(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn it_signs_as_the_standard_does() {
        let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures([&secret], id, timestamp, body), signature);
        let other = fresh_secret().unwrap();
        let both = signatures([&other, &secret], id, timestamp, body);
        assert!(both.starts_with("v1,") && both.ends_with(&format!(" {signature}")), "{both}");
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn no_two_fresh_secrets_are_the_same() {
        assert_ne!(fresh_secret(), fresh_secret());
    }
}
