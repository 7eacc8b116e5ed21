//! TLS towards a sink: the system's authorities or the settings' own, and the depot's certificate where there is one.

use super::Fault;
use crate::config::SinkSettings;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;

/// What `settings` ask for.
pub fn client(settings: &SinkSettings) -> Result<ClientConfig, Fault> {
    let builder = ClientConfig::builder().with_root_certificates(roots(settings.ca_file.as_deref())?);
    let (Some(chain), Some(key)) = (&settings.cert_file, &settings.key_file) else { return Ok(builder.with_no_client_auth()) };
    let own = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| Fault::new(format!("{}: {e}", key.display())))?;
    builder.with_client_auth_cert(own, key).map_err(|e| Fault::new(format!("{}: {e}", chain.display())))
}

/// No certificate of one's own; who is trusted is in `ca_file`, or the system's.
pub fn trusting(ca_file: Option<&Path>) -> Result<ClientConfig, Fault> {
    Ok(ClientConfig::builder().with_root_certificates(roots(ca_file)?).with_no_client_auth())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let wrong = |e: rustls::pki_types::pem::Error| Fault::new(format!("{}: {e}", file.display()));
    CertificateDer::pem_file_iter(file).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            for authority in certificates(file)? {
                roots.add(authority).map_err(|e| Fault::new(format!("{}: {e}", file.display())))?;
            }
        }
        None => {
            let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}
