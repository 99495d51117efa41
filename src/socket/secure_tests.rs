use std::sync::Arc;

use futures_util::StreamExt;
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::socket::testing::{drained, fill, run};
use crate::socket::{Limits, Outbox, Reader, Scribe, Stream, Taken};

/// A server and a client that trust each other.
fn configs(version: &'static rustls::SupportedProtocolVersion) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let der: CertificateDer<'static> = certificate.der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![der.clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der).unwrap();
    let client = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
    (Arc::new(server), Arc::new(client.with_root_certificates(roots).with_no_client_auth()))
}

async fn open(
    version: &'static rustls::SupportedProtocolVersion,
    limits: Limits,
) -> (Outbox, Reader, TlsStream<TcpStream>) {
    let (server, client) = configs(version);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (acceptor, connector) = (TlsAcceptor::from(server), TlsConnector::from(client));
    let (name, tcp) = ("localhost".try_into().unwrap(), accepted.unwrap().0);
    let (accepted, peer) = tokio::join!(acceptor.accept(tcp), connector.connect(name, peer.unwrap()));
    let stream = Stream::tls(accepted.unwrap(), None);
    let taken = Taken { stream, read: Bytes::new(), answer: Bytes::new(), scribe: Scribe::start(), place: None };
    let (outbox, reader) = Outbox::open(limits, taken);
    (outbox, reader, peer.unwrap())
}

fn version() -> impl Strategy<Value = &'static rustls::SupportedProtocolVersion> {
    prop_oneof![Just(&rustls::version::TLS12), Just(&rustls::version::TLS13)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// However little the peer reads at a time, and at the end it is told that it is one.
    #[test]
    fn nothing_is_lost_on_its_way_to_the_peer(
        version in version(),
        lens in proptest::collection::vec((prop_oneof![1_usize..2000, 10_000_usize..2_000_000], any::<bool>()), 0..8),
        reads in 1_usize..200_000,
    ) {
        run(async {
            let (outbox, _reader, mut peer) = open(version, Limits { bytes: 8 << 21, ..Limits::default() }).await;
            let queued = fill(&outbox, &lens, 1).await;
            let came = drained(&mut peer, reads).await;
            assert!(came == queued);
            assert_eq!(outbox.queued(), (0, 0));
            assert_eq!(outbox.total_out().1, queued.len() as u64);
        });
    }

    /// While as much goes the other way.
    #[test]
    fn nothing_is_lost_on_its_way_from_the_peer(
        version in version(),
        lens in proptest::collection::vec(prop_oneof![1_usize..100, 10_000_usize..100_000], 1..12),
    ) {
        run(async {
            let (outbox, mut reader, peer) = open(version, Limits { bytes: 8 << 21, ..Limits::default() }).await;
            let sent: Vec<u8> = lens.iter().zip(b'a'..).flat_map(|(len, letter)| vec![letter; *len]).collect();
            let (mut from_us, mut to_us) = tokio::io::split(peer);
            let writing = async {
                for (len, letter) in lens.iter().zip(b'a'..) {
                    outbox.push(Bytes::from(vec![letter; *len]));
                    to_us.write_all(&vec![letter; *len]).await.unwrap();
                }
                to_us.shutdown().await.unwrap();
            };
            let reading = async {
                let mut came = vec![0; sent.len()];
                from_us.read_exact(&mut came).await.unwrap();
                came
            };
            let taking = async {
                let mut came = Vec::new();
                while let Some(piece) = reader.next().await {
                    came.extend_from_slice(&piece.unwrap());
                }
                came
            };
            let ((), theirs, ours) = tokio::join!(writing, reading, taking);
            assert!(theirs == sent && ours == sent);
        });
    }
}

#[test]
fn what_is_no_tls_ends_the_socket_and_a_new_key_does_not() {
    run(async {
        let (outbox, mut reader, mut peer) = open(&rustls::version::TLS13, Limits::default()).await;
        for number in 0..3 {
            // Answered by TLS itself, with a key of ours.
            peer.get_mut().1.refresh_traffic_keys().unwrap();
            peer.write_all(b"after").await.unwrap();
            assert_eq!(reader.next().await.unwrap().unwrap(), "after", "{number}");
            outbox.push(Bytes::from_static(b"heard"));
            let mut came = [0; 5];
            peer.read_exact(&mut came).await.unwrap();
            assert_eq!(&came, b"heard");
        }
        peer.get_mut().0.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(reader.next().await.unwrap().unwrap_err().kind(), ErrorKind::InvalidData);
    });
}
