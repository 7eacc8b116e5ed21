//! MQTT over TLS, with trust in the depot's own CA only.

use super::*;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A handshake of that version with the depot as it is now.
pub async fn handshake(depot: &Depot, version: &'static SupportedProtocolVersion) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let ca = depot.certificates.ca_pem().unwrap();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(depot.tls).await.unwrap();
    let connecting = TlsConnector::from(Arc::new(client)).connect("localhost".try_into().unwrap(), tcp);
    tokio::time::timeout(Duration::from_secs(3), connecting).await.expect("delayed").unwrap()
}

/// A session over TLS.
pub async fn enter(depot: &Depot, version: &'static SupportedProtocolVersion, hello: &Hello<'_>) -> TlsStream<TcpStream> {
    let mut tls = handshake(depot, version).await;
    tls.write_all(&hello.bytes()).await.unwrap();
    let connack = read_packet(&mut tls).await.unwrap();
    assert_eq!((connack.kind(), connack.body[1]), (2, 0));
    tls
}

/// The certificate that it was shown.
pub fn shown(tls: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    tls.get_ref().1.peer_certificates().unwrap()[0].clone()
}
