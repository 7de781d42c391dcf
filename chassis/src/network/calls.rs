//! Calls to our other services.

use std::path::Path;
use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use super::address_of;

/// The authorities that our services trust among themselves, beside those of the system.
#[derive(Debug, Clone, Default)]
pub struct Authorities(Arc<[CertificateDer<'static>]>);

impl Authorities {
    /// Reads the certificates in the file `path`, in PEM.
    ///
    /// # Errors
    /// A description of the fault.
    pub fn load(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("could not read {}: {error}", path.display());
        let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
        let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
        // A certificate that cannot be used is found here, not at the first call.
        for certificate in &found {
            Certificate::from_der(certificate).map_err(|error| failed(&error))?;
        }
        match found.is_empty() {
            true => Err(format!("{} contains no certificate: it should be PEM", path.display())),
            false => Ok(Self(found.into())),
        }
    }

    /// The certificates.
    pub fn iter(&self) -> impl Iterator<Item = Certificate> + '_ {
        self.0.iter().filter_map(|certificate| Certificate::from_der(certificate).ok())
    }

    /// The settings of encrypted connections to our other services, without a protocol.
    ///
    /// # Errors
    /// When the certificates of the system cannot be used.
    pub fn tls(&self) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder();
        let provider = Arc::clone(builder.crypto_provider());
        let verifier = Verifier::new_with_extra_roots(self.0.iter().cloned(), provider)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        Ok(builder.with_no_client_auth())
    }

    /// A client for calls to our other services. It follows no redirects, because requests carry credentials.
    pub fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder().redirect(Policy::none());
        if self.0.is_empty() { builder } else { builder.tls_certs_merge(self.iter()) }
    }
}

/// Checks the base URL of another service: a key that is sent over plain HTTP can be read on the way.
///
/// # Errors
/// A description of the fault.
pub fn encrypted_or_local(url: String) -> Result<String, String> {
    let parsed = reqwest::Url::parse(&url).map_err(|error| error.to_string())?;
    let host = parsed.host_str().unwrap_or_default();
    let is_local = host == "localhost" || address_of(host).is_some_and(|address| address.is_loopback());
    match parsed.scheme() == "https" || is_local {
        true => Ok(url),
        false => Err(format!("{url:?}: the key would be sent unencrypted: use https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_sent_unencrypted_to_another_machine() {
        for url in
            ["https://meja.example", "http://localhost:8000", "http://127.0.0.5:1", "http://[::1]:8000"]
        {
            assert!(encrypted_or_local(url.to_owned()).is_ok(), "{url}");
        }
        for url in ["http://meja.example", "http://10.0.0.5:8000", "http://localhost.example:1"] {
            assert!(encrypted_or_local(url.to_owned()).is_err(), "{url}");
        }
    }
}
