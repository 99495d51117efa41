//! A certificate and its key, as they lie in two files: read, held to each other, and made into what handshakes are done with.
//!
//! Says never what is in the key's file.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// A WebSocket is an upgrade of HTTP/1.1, and nothing else is spoken.
const PROTOCOL: &[u8] = b"http/1.1";

/// Where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What the files hold, as bytes: two that are alike need not be looked at twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate whose key is known.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(super) config: Arc<ServerConfig>,
    pub(super) certificate: CertificateDer<'static>,
    pub facts: Facts,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub begins: DateTime<Utc>,
    pub ends: DateTime<Utc>,
    /// Of hosts, and addresses as one writes them.
    pub names: Vec<String>,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    #[error("{what} {} cannot be read: {error}; the daemon's user has to be able to", .path.display())]
    Unreadable { what: &'static str, path: PathBuf, error: std::io::Error },
    #[error("there is no certificate in {}: it has to hold the chain in PEM form, the server's own first", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} is no certificate in PEM form: {why}", .path.display())]
    BadCertificate { path: PathBuf, why: String },
    #[error("there is no key in {} that can be used: it has to be in PEM form and without a passphrase", .0.display())]
    NoKey(PathBuf),
    #[error("the key in {} cannot be used: {why}", .path.display())]
    BadKey { path: PathBuf, why: String },
    #[error(
        "the key in {} does not belong to the first certificate in {}, which has to be the server's own",
        .0.key.display(), .0.certificate.display()
    )]
    OfAnother(Files),
    #[error("the certificate in {} ended on {}: renew it", .path.display(), day(.ends))]
    Ended { path: PathBuf, ends: DateTime<Utc> },
}

// Neither may come into a log.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} and {} bytes)", self.certificate.len(), self.key.len())
    }
}

impl Files {
    pub fn content(&self) -> Result<Content, PairError> {
        Ok(Content {
            certificate: read("the certificate", &self.certificate)?,
            key: read("the key of the certificate", &self.key)?,
        })
    }

    pub fn read(&self) -> Result<Pair, PairError> {
        self.pair(&self.content()?)
    }

    /// One that has not ended, for who has another.
    pub fn good(&self, content: &Content, now: DateTime<Utc>) -> Result<Pair, PairError> {
        let pair = self.pair(content)?;
        if pair.facts.ends <= now { Err(self.ended(&pair.facts)) } else { Ok(pair) }
    }

    pub fn ended(&self, facts: &Facts) -> PairError {
        PairError::Ended { path: self.certificate.clone(), ends: facts.ends }
    }

    /// One that may have ended: that is for its user to judge.
    pub fn pair(&self, content: &Content) -> Result<Pair, PairError> {
        let bad = |why: String| PairError::BadCertificate { path: self.certificate.clone(), why };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&content.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| bad(error.to_string()))?;
        let certificate = chain.first().cloned().ok_or_else(|| PairError::NoCertificate(self.certificate.clone()))?;
        let facts = Facts::of(&certificate).map_err(bad)?;
        let key = PrivateKeyDer::from_pem_slice(&content.key).map_err(|_| PairError::NoKey(self.key.clone()))?;
        let config = config(chain, key).map_err(|error| self.wrong(&error))?;
        Ok(Pair { config: Arc::new(config), certificate, facts })
    }

    fn wrong(&self, error: &Error) -> PairError {
        match error {
            Error::InconsistentKeys(_) => PairError::OfAnother(self.clone()),
            Error::InvalidCertificate(_) => {
                PairError::BadCertificate { path: self.certificate.clone(), why: error.to_string() }
            }
            _ => PairError::BadKey { path: self.key.clone(), why: error.to_string() },
        }
    }
}

impl Pair {
    /// The server's own.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }
}

impl Facts {
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, parsed) = parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).ok_or("it has a time that there is none of");
        let validity = parsed.validity();
        let (begins, ends) = (at(validity.not_before.timestamp())?, at(validity.not_after.timestamp())?);
        let names = parsed.subject_alternative_name().map_err(|error| error.to_string())?;
        let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(name).collect();
        Ok(Self { begins, ends, names })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Who comes back after a restart of the network is spared a signature, and nothing is kept here for them.
    config.ticketer = Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, PairError> {
    /// Chains have some kilobytes.
    const MOST: u64 = 1 << 20;
    let unreadable = |error| PairError::Unreadable { what, path: path.to_owned(), error };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST {
        return Err(unreadable(std::io::Error::new(ErrorKind::FileTooLarge, "it is far too large for one")));
    }
    fs::read(path).map_err(unreadable)
}

fn day(at: &DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
#[path = "pair_tests.rs"]
mod tests;
