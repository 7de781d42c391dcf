//! `reservation access ca`: a private authority for the connections between our services.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chassis::environment::{Environment as _, SystemEnvironment};
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::service::print;

/// For how long certificates are valid.
const VALID_FOR: TimeDelta = TimeDelta::days(3 * 365);
/// The services that get a certificate.
const SERVICES: [&str; 3] = ["reservation", "notifier", "gateway"];

/// The arguments of `access ca`.
#[derive(Debug, Clone, clap::Args)]
pub struct CaAction {
    /// The directory that gets the files; it must not contain an authority yet
    dir: PathBuf,
    /// A name or an IP address of a machine on which a service runs; may be repeated
    #[arg(long = "name")]
    names: Vec<String>,
}

impl CaAction {
    /// Makes the authority and a certificate for each service.
    ///
    /// # Errors
    /// When a file exists already, or cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        if self.dir.join("ca.pem").exists() {
            bail!("{} has an authority already: name another directory", self.dir.display());
        }
        fs::create_dir_all(&self.dir).with_context(|| format!("could not make {}", self.dir.display()))?;
        let until = SystemEnvironment.now() + VALID_FOR;
        let key = KeyPair::generate()?;
        let params = authority(until);
        let certificate = params.self_signed(&key)?;
        self.write("ca.pem", &certificate.pem())?;
        self.write("ca.key", &key.serialize_pem())?;
        let issuer = Issuer::new(params, key);
        for service in SERVICES {
            let key = KeyPair::generate()?;
            let signed = self.params(service, until)?.signed_by(&key, &issuer)?;
            self.write(&format!("{service}.pem"), &format!("{}{}", signed.pem(), certificate.pem()))?;
            self.write(&format!("{service}.key"), &key.serialize_pem())?;
        }
        let dir = self.dir.display();
        print(&format!(
            "The certificates are valid until {}. Start each service with its own, and with the authority:\n  \
             reservation --tls-certificate {dir}/reservation.pem --tls-key {dir}/reservation.key --tls-ca {dir}/ca.pem\n\
             Keep {dir}/ca.key elsewhere: it signs further certificates.",
            until.format("%Y-%m-%d")
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    fn params(&self, service: &str, until: DateTime<Utc>) -> anyhow::Result<CertificateParams> {
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let names: Vec<_> = own.into_iter().chain(self.names.iter().cloned()).collect();
        let mut params = CertificateParams::new(names).context("a name is not one of a machine")?;
        params.distinguished_name.push(DnType::CommonName, format!("Meja {service}"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        ends(&mut params, until);
        Ok(params)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.dir.join(name);
        let is_secret = Path::new(name).extension().is_some_and(|extension| extension == "key");
        let mode = if is_secret { 0o600 } else { 0o644 };
        let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        let written =
            written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        written.with_context(|| format!("could not write {}", path.display()))
    }
}

fn authority(until: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Meja authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ends(&mut params, until);
    params
}

/// Clocks of other machines can be behind, so that certificates are valid from the day before.
fn ends(params: &mut CertificateParams, until: DateTime<Utc>) {
    let day = |at: DateTime<Utc>| {
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        date_time_ymd(at.year(), part(at.month()), part(at.day()))
    };
    params.not_before = day(until - VALID_FOR - TimeDelta::days(1));
    params.not_after = day(until);
}
