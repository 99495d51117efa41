use std::fs;

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// Of this name, signed by itself: the certificate and its key.
fn made(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn what_is_written_anew_is_shown_once_all_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let settings = TlsSettings { certificate: at("chain.pem"), key: at("key.pem") };
    let (first, second) = (made("first.example"), made("second.example"));
    let write = |certificate: &str, key: &str| {
        fs::write(&settings.certificate, certificate).unwrap();
        fs::write(&settings.key, key).unwrap();
    };
    write(&first.0, &first.1);
    let certificate = Certificate::of(Some(&settings)).unwrap().unwrap();
    let shown = || certificate.0.tls.facts().names.concat();
    let complaint = || certificate.0.looked.lock().complaint.clone();
    let look = || {
        certificate.look(Utc::now());
        (shown(), complaint())
    };
    assert_eq!(look(), ("first.example".to_owned(), None));
    // Half of it.
    write(&second.0, &first.1);
    let (name, why) = look();
    assert!(name == "first.example" && why.unwrap().contains("does not belong"));
    write(&second.0, &second.1);
    assert_eq!(look(), ("second.example".to_owned(), None));
    // Gone, and one that has ended by then.
    fs::remove_file(&settings.key).unwrap();
    let (name, why) = look();
    assert!(name == "second.example" && why.unwrap().contains("cannot be read"));
    write(&first.0, &first.1);
    certificate.look(certificate.0.tls.facts().ends + chrono::Duration::days(366 * 5000));
    assert!(shown() == "second.example" && complaint().unwrap().contains("renew it"));
    assert_eq!(look(), ("first.example".to_owned(), None));
}

#[test]
fn what_is_shown_and_has_ended_is_no_reason_to_refuse_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let settings = TlsSettings { certificate: at("chain.pem"), key: at("key.pem") };
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["ended.example".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 2);
    fs::write(&settings.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&settings.key, key.serialize_pem()).unwrap();
    let certificate = Certificate::of(Some(&settings)).unwrap().unwrap();
    assert!(certificate.other(&settings).unwrap().is_none());
    // Another one has to be good.
    params.not_after = rcgen::date_time_ymd(2022, 1, 2);
    fs::write(&settings.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    assert!(certificate.other(&settings).is_err());
}
