//! Encrypted connections to the database of a log.

use std::path::Path;
use std::process::{Command, Output};

use test_database::{Database, Setup};

use crate::ports::own_port;
use crate::services::{binary, secrets};

/// A server on a port of this machine, with a certificate for `localhost`.
fn encrypted(port: u16) -> (Database, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let listens = format!("port={port}");
    let settings = ["ssl=on", "listen_addresses='localhost'", &listens];
    let files = [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())];
    let files = [(files[0].0, &files[0].1[..]), (files[1].0, &files[1].1[..])];
    (Database::with(Setup { settings: &settings, files: &files, ..Setup::default() }), made.cert.pem())
}

fn verify(url: &str, ca: Option<&Path>) -> Output {
    let mut command = Command::new(binary("reservation"));
    command.args(["log", "init", "--store", url]).arg("--secrets-dir").arg(secrets());
    command.args(ca.into_iter().flat_map(|ca| ["--tls-ca", ca.to_str().unwrap()]));
    command.output().unwrap()
}

#[test]
fn the_certificate_of_the_database_must_be_trusted() {
    let (port, dir) = (own_port(), tempfile::tempdir().unwrap());
    let (database, certificate) = encrypted(port);
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, certificate).unwrap();
    let url = format!("postgres://postgres@localhost:{port}/postgres?sslmode=require");
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let unknown = verify(&url, None);
    assert!(!unknown.status.success() && said(&unknown).contains("certificate"), "{}", said(&unknown));
    let other = url.replace("localhost", "127.0.0.1");
    let misnamed = verify(&other, Some(&ca));
    assert!(!misnamed.status.success() && said(&misnamed).contains("certificate"), "{}", said(&misnamed));
    let trusted = verify(&url, Some(&ca));
    assert!(trusted.status.success(), "{}", said(&trusted));
    assert_eq!(database.query("SELECT count(*) FROM meja_reservation.log"), "1");
}

#[test]
fn a_database_without_encryption_is_refused_where_it_is_required() {
    let port = own_port();
    let listens = format!("port={port}");
    let _database =
        Database::with(Setup { settings: &["listen_addresses='localhost'", &listens], ..Setup::default() });
    let url = format!("postgres://postgres@localhost:{port}/postgres?sslmode=require");
    let plain = verify(&url, None);
    let said = String::from_utf8_lossy(&plain.stderr);
    assert!(!plain.status.success() && said.contains("TLS"), "{said}");
}
