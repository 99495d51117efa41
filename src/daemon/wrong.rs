//! What keeps a daemon from starting and can be told beforehand, without opening or making anything.

use super::{StartError, certificate, store_settings, trail};
use crate::auth::{SetupError, Verifier};
use crate::cluster;
use crate::config::Config;

/// All of it at once; each is what [`super::Daemon::start`] would say.
pub fn wrong_with(config: &Config) -> Vec<StartError> {
    let mut wrong = Vec::new();
    wrong.extend(store_settings(&config.database.url, &config.database.schema).err().map(StartError::from));
    let redis = config.redis_url.as_ref().map_or(Ok(()), |url| cluster::check(url.expose()));
    wrong.extend(redis.err().map(StartError::from));
    match Verifier::new(&config.auth) {
        // One is made at the start, or the loader has said that it cannot be.
        Ok(_) | Err(SetupError::NoKeys) => {}
        Err(error) => wrong.push(error.into()),
    }
    wrong.extend(config.tls.as_ref().and_then(|tls| certificate::files(tls).read().err()).map(StartError::from));
    wrong.extend(trail::seal(config).err());
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AuthSettings, PublicKeyFile, SecretUrl, TlsSettings};

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { auth: AuthSettings::with_secret("s".repeat(32)), ..Config::default() };
        assert!(wrong_with(&config).is_empty());
        let key = folder.path().join("audit-key");
        std::fs::write(&key, "no key").unwrap();
        config.audit.key = Some(key);
        config.redis_url = Some(SecretUrl::new("redis://:hunter2@cache:none"));
        config.database.url = SecretUrl::new("mysql://db/chat");
        config.tls = Some(TlsSettings { certificate: "none.pem".into(), key: "none.pem".into() });
        config.auth.public_key = Some(PublicKeyFile { path: "issuer.pem".into(), pem: "no key".to_owned() });
        let told: Vec<String> = wrong_with(&config).iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told.iter().all(|line| !line.contains("hunter2")), "{told:?}");
        assert!(
            told[2].contains("issuer.pem") && told[3].contains("none.pem") && told[4].contains("audit-key"),
            "{told:?}"
        );
    }
}
