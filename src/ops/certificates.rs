//! The box's certificate: an own CA and a leaf with the box's names, made at first start, renewed by itself; or the
//! operator's own files. Whoever shows it asks here at every handshake, so a new one serves at once.

use super::host;
use crate::clock::Clock;
use crate::model::{Span, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// A file holds no usable certificate or key.
    #[error("{0}: {1}")]
    Unusable(String, String),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// How long the CA is valid, how long the leaf, and when the leaf is renewed before its end.
const CA_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 397;
const RENEW_DAYS: i64 = 30;

#[derive(Debug)]
enum Source {
    Own(PathBuf),
    Files { chain: PathBuf, key: PathBuf },
}

/// What the leaf was made for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    names: Vec<String>,
    not_after_ms: i64,
}

/// The current certificate, and where it comes from.
#[derive(Debug)]
pub struct Certificates {
    source: Source,
    current: RwLock<(Vec<u8>, Arc<CertifiedKey>)>,
}

impl Certificates {
    /// The box's own certificate, kept in `dir`, made when there is none or when the names of the box changed.
    pub fn own(dir: &Path, clock: &Clock) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(|e| Error::File(dir.display().to_string(), e))?;
        renew(dir, clock.now())?;
        Self::load(Source::Own(dir.to_owned()))
    }

    /// The operator's own: a chain and a key, both PEM.
    pub fn files(chain: &Path, key: &Path) -> Result<Self, Error> {
        Self::load(Source::Files { chain: chain.to_owned(), key: key.to_owned() })
    }

    fn load(source: Source) -> Result<Self, Error> {
        let current = RwLock::new(read_pair(&source)?);
        Ok(Self { source, current })
    }

    /// Renews the own certificate when its time comes; takes up files that changed. The old one stays after an error.
    pub fn refresh(&self, now: Timestamp) -> Result<(), Error> {
        if let Source::Own(dir) = &self.source {
            renew(dir, now)?;
        }
        let fresh = read_pair(&self.source)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.0 != fresh.0 {
            *current = fresh;
            tracing::info!("a new TLS certificate is in use");
        }
        Ok(())
    }

    /// The own CA as PEM, for devices to trust; `None` with the operator's own files.
    pub fn ca_pem(&self) -> Option<String> {
        match &self.source {
            Source::Own(dir) => std::fs::read_to_string(dir.join("ca.pem")).ok(),
            Source::Files { .. } => None,
        }
    }

    /// SHA-256 of the last certificate of the chain (the CA), as `AB:CD:…`.
    pub fn fingerprint(&self) -> Option<String> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let digest = Sha256::digest(current.1.cert.last()?.as_ref());
        Some(digest.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":"))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::File(path.display().to_string(), e))
}

fn read_pair(source: &Source) -> Result<(Vec<u8>, Arc<CertifiedKey>), Error> {
    let (chain_path, key_path) = match source {
        Source::Own(dir) => (dir.join("leaf.pem"), dir.join("leaf.key")),
        Source::Files { chain, key } => (chain.clone(), key.clone()),
    };
    let (mut chain, key) = (read(&chain_path)?, read(&key_path)?);
    let unusable = |path: &Path, why: String| Error::Unusable(path.display().to_string(), why);
    let certificates = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|e| unusable(&chain_path, e.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable(&chain_path, "holds no certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&key).map_err(|e| unusable(&key_path, e.to_string()))?;
    let provider = rustls::crypto::ring::default_provider();
    let pair = CertifiedKey::from_der(certificates, private, &provider).map_err(|e| unusable(&chain_path, e.to_string()))?;
    chain.extend_from_slice(&key);
    Ok((chain, Arc::new(pair)))
}

fn renew(dir: &Path, now: Timestamp) -> Result<(), Error> {
    let names = host::names();
    let facts: Option<Facts> = std::fs::read(dir.join("leaf.json")).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let renew_from = now + Span::from_secs(RENEW_DAYS * 86_400);
    let present = ["ca.pem", "ca.key", "leaf.pem", "leaf.key"].iter().all(|f| dir.join(f).exists());
    if present && facts.is_some_and(|f| f.names == names && f.not_after_ms > renew_from.as_millis()) {
        return Ok(());
    }
    let ca_key = ca_key(dir, now)?;
    let ca_pem = String::from_utf8_lossy(&read(&dir.join("ca.pem"))?).into_owned();
    let issuer = Issuer::new(ca_params(now), &ca_key);
    let not_after = now + Span::from_secs(LEAF_DAYS * 86_400);
    let key = KeyPair::generate()?;
    let leaf = leaf_params(&names, now, not_after)?.signed_by(&key, &issuer)?;
    write(&dir.join("leaf.key"), &key.serialize_pem())?;
    write(&dir.join("leaf.pem"), &format!("{}{ca_pem}", leaf.pem()))?;
    let facts = Facts { names, not_after_ms: not_after.as_millis() };
    write(&dir.join("leaf.json"), &serde_json::to_string(&facts).unwrap_or_default())
}

/// The CA's key; key and certificate are made when one of them is not there.
fn ca_key(dir: &Path, now: Timestamp) -> Result<KeyPair, Error> {
    let (key_path, pem_path) = (dir.join("ca.key"), dir.join("ca.pem"));
    if key_path.exists() && pem_path.exists() {
        return Ok(KeyPair::from_pem(&String::from_utf8_lossy(&read(&key_path)?))?);
    }
    let key = KeyPair::generate()?;
    let certificate = ca_params(now).self_signed(&key)?;
    write(&key_path, &key.serialize_pem())?;
    write(&pem_path, &certificate.pem())?;
    Ok(key)
}

fn ca_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "depotd CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now, now + Span::from_secs(CA_DAYS * 86_400));
    params
}

fn leaf_params(names: &[String], now: Timestamp, not_after: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("depotd", String::as_str));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now, not_after);
    Ok(params)
}

/// The UTC date, as `rcgen::date_time_ymd` wants it.
fn ymd(at: Timestamp) -> (i32, u8, u8) {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = instant.to_zoned(jiff::tz::TimeZone::UTC);
    (i32::from(date.year()), u8::try_from(date.month()).unwrap_or(1), u8::try_from(date.day()).unwrap_or(1))
}

/// Valid from the day before `now` to the day of `until`.
fn set_validity(params: &mut CertificateParams, now: Timestamp, until: Timestamp) {
    let ((y0, m0, d0), (y1, m1, d1)) = (ymd(now - Span::from_secs(86_400)), ymd(until));
    params.not_before = rcgen::date_time_ymd(y0, m0, d0);
    params.not_after = rcgen::date_time_ymd(y1, m1, d1);
}

/// Writes beside, then renames; readable by the owner only.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let beside = path.with_extension("new");
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|e| Error::File(path.display().to_string(), e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_renewed_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let first = Certificates::own(dir.path(), &clock).unwrap();
        let (ca, leaf) = (first.ca_pem().unwrap(), first.current.read().unwrap().0.clone());
        let again = Certificates::own(dir.path(), &clock).unwrap();
        assert_eq!(again.current.read().unwrap().0, leaf);
        clock.advance(Span::from_secs((LEAF_DAYS - RENEW_DAYS + 1) * 86_400));
        first.refresh(clock.now()).unwrap();
        assert_ne!(first.current.read().unwrap().0, leaf, "renewed");
        assert_eq!(first.ca_pem().unwrap(), ca, "by the same CA");
        assert_eq!(first.fingerprint().unwrap().len(), 95);
    }
}
