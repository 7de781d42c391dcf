//! Encryption of connections, by rustls.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::files;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("could not read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rustls_pki_types::pem::Error,
    },
    /// The file with the certificates has none.
    #[error("{0} contains no certificate: it should be PEM, the certificate of the service first")]
    NoCertificate(PathBuf),
    /// Other users can read the key.
    #[error("other users can read the key {path}; run: chmod 600 {path}")]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// rustls does not accept them, for example because the key is weak or belongs to another certificate.
    #[error("{certificate} and {key} cannot be used: {source}")]
    Refused {
        /// The file with the certificates.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
}

/// The certificate and the key of a service. Clones share them.
#[derive(Debug, Clone)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    /// Whether the group of a file may read it.
    group_access: bool,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

impl Tls {
    /// Reads the files in PEM: `certificate` with those that signed it, and its `key`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(certificate: PathBuf, key: PathBuf, group_access: bool) -> Result<Self, TlsError> {
        let read = read(&certificate, &key, group_access)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(read))));
        Ok(Self { certificate, key, group_access, current })
    }

    /// Reads the files again. New connections use them; open ones stay as they are.
    ///
    /// # Errors
    /// [`TlsError`]; the previous certificate stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        *self.current.0.write() = Arc::new(read(&self.certificate, &self.key, self.group_access)?);
        Ok(())
    }

    /// Reads the files again at each SIGHUP, until the service stops.
    ///
    /// # Errors
    /// When the signal cannot be handled.
    pub(crate) fn reload_at_hangups(&self) -> std::io::Result<()> {
        let (tls, mut hangups) = (self.clone(), signal(SignalKind::hangup())?);
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                match tls.reload() {
                    Ok(()) => tracing::info!("new connections use the certificate that was read just now"),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "the previous certificate stays in use");
                    }
                }
            }
        });
        Ok(())
    }

    /// What encrypts the connections of a listener for `protocol`, a name of RFC 7301.
    #[must_use]
    pub(crate) fn acceptor(&self, protocol: &[u8]) -> TlsAcceptor {
        let resolver = Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>;
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config).into()
    }
}

fn read(certificate: &Path, key: &Path, group_access: bool) -> Result<CertifiedKey, TlsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(failed(certificate))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(failed(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.to_owned()));
    }
    let others = files::others(group_access);
    let mode = std::fs::metadata(key).map(|found| found.permissions().mode()).unwrap_or_default();
    if mode & others != 0 {
        return Err(TlsError::Readable { path: key.to_owned() });
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
    let refused =
        |source| TlsError::Refused { certificate: certificate.to_owned(), key: key.to_owned(), source };
    let provider = ServerConfig::builder().crypto_provider().clone();
    CertifiedKey::from_der(chain, private, &provider).map_err(refused)
}
