use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

struct Place {
    folder: tempfile::TempDir,
    files: Files,
}

impl Place {
    fn with(certificate: &str, key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificate: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        Self { folder, files }
    }

    fn good(&self) -> Result<Pair, PairError> {
        self.files.good(&self.files.content()?, Utc::now())
    }
}

/// A certificate that signs itself, and its key.
fn made(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["chat.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn a_pair_says_whom_it_is_for_and_until_when() {
    let (certificate, key) = made(|params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 2), date_time_ymd(2999, 3, 4));
    });
    let facts = Place::with(&certificate, &key).good().unwrap().facts;
    assert_eq!(facts.names, ["chat.example", "127.0.0.1"]);
    let (begins, ends) = (facts.begins.to_rfc3339(), facts.ends.to_rfc3339());
    assert_eq!((begins.as_str(), ends.as_str()), ("2020-01-02T00:00:00+00:00", "2999-03-04T00:00:00+00:00"));
    // Also in one file.
    let both = format!("{certificate}{key}");
    assert!(Place::with(&both, &both).good().is_ok());
}

#[test]
fn what_cannot_be_used_says_what_is_wrong_and_nothing_of_the_key() {
    let ((certificate, key), (another, anothers)) = (made(|_| {}), made(|_| {}));
    let (ended, of_ended) = made(|params| params.not_after = date_time_ymd(2021, 6, 7));
    let secret = key.lines().nth(1).unwrap();
    let locked = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let cut = &certificate[..certificate.len() / 2];
    for (certificate, key, words) in [
        (certificate.as_str(), anothers.as_str(), "does not belong to the first certificate"),
        // The issuer's own in front.
        (&format!("{another}{certificate}"), &key, "does not belong to the first certificate"),
        (&ended, &of_ended, "ended on 2021-06-07 00:00 UTC: renew it"),
        ("", &key, "there is no certificate in"),
        (&key, &key, "there is no certificate in"),
        (cut, &key, "no certificate in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "no certificate in PEM form"),
        (&certificate, "", "without a passphrase"),
        (&certificate, &certificate, "without a passphrase"),
        (&certificate, &locked, "without a passphrase"),
        (&certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"),
    ] {
        let place = Place::with(certificate, key);
        let error = place.good().expect_err(words).to_string();
        assert!(error.contains(words) && !error.contains(secret) && !error.contains('\n'), "{words}: {error}");
        assert!(error.contains(".pem"), "{error}");
    }
    let place = Place::with(&certificate, &key);
    fs::remove_file(&place.files.key).unwrap();
    let error = place.good().unwrap_err().to_string();
    assert!(error.starts_with("the key of the certificate") && error.contains("cannot be read"), "{error}");
    let large = fs::File::create(&place.files.key).unwrap();
    large.set_len(1 << 40).unwrap();
    assert!(place.good().unwrap_err().to_string().contains("far too large"));
    drop(place.folder);
}

/// There is no other at a start.
#[test]
fn one_that_has_ended_is_read_where_there_is_no_other() {
    let (certificate, key) = made(|params| params.not_after = date_time_ymd(2021, 6, 7));
    assert!(Place::with(&certificate, &key).files.read().is_ok());
}
