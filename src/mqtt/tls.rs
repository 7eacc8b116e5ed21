//! MQTT over TLS 1.2 and 1.3, with whatever certificate is current.

use crate::ops::certificates::Certificates;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Accepts TLS with the current certificate: a renewed one serves the next handshake.
pub(super) fn acceptor(certificates: Arc<Certificates>) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    // Tickets would be kept for each connection; devices reconnect seldom.
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
