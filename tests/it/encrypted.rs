//! Encrypted connections: from outside, and among the services.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::ports::own_port;
use crate::services::{Pair, Running, UNLIMITED, anonymous_client, booking, program, root, secrets, until};

/// Writes a certificate for `localhost`, and returns it.
fn certificate(dir: &Path) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.join("service.pem"), made.cert.pem()).unwrap();
    fs::write(dir.join("service.key"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(dir.join("service.key"), fs::Permissions::from_mode(0o600)).unwrap();
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

/// A client that trusts `certificate` alone.
fn trusting(certificate: reqwest::Certificate) -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([certificate]).timeout(Duration::from_secs(5)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_and_a_new_certificate_counts_after_a_hangup() {
    let _ = anonymous_client();
    let mut pair = Pair::prepared(&[]);
    let first = certificate(pair.dir.path());
    pair.env = [("MEJA_TLS_CERTIFICATE", "service.pem"), ("MEJA_TLS_KEY", "service.key")]
        .map(|(name, file)| (name, pair.dir.path().join(file).to_str().unwrap().to_owned()))
        .to_vec();
    pair.reservation = Some(Running(pair.reservation_command().spawn().unwrap()));
    pair.notifier = Some(Running(pair.notifier_command().spawn().unwrap()));
    for url in [pair.reservation_url.clone(), pair.notifier_url.clone()] {
        let url = format!("{}/livez", url.replace("http://127.0.0.1", "https://localhost"));
        let client = trusting(first.clone());
        until("the service to answer", async || client.get(&url).send().await.is_ok()).await;
        let answer = client.get(&url).send().await.unwrap();
        assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
        // Without encryption there is no answer.
        assert!(anonymous_client().get(url.replace("https:", "http:")).send().await.is_err());
    }
    let second = trusting(certificate(pair.dir.path()));
    for (running, url) in [(&pair.reservation, &pair.reservation_url), (&pair.notifier, &pair.notifier_url)] {
        let url = format!("{}/livez", url.replace("http://127.0.0.1", "https://localhost"));
        assert!(second.get(&url).send().await.is_err());
        let pid = rustix::process::Pid::from_child(&running.as_ref().unwrap().0);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        until("the new certificate", async || second.get(&url).send().await.is_ok()).await;
    }
}

#[test]
fn an_open_network_needs_encryption() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    for name in ["reservation", "notifier"] {
        let check = |listen: &str, arguments: &[&str]| {
            let mut command = program(name);
            command.current_dir(dir.path()).args(["check", "--listen", listen]).args(arguments);
            let output = command.output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, said) = check("0.0.0.0:0", &[]);
        assert!(code == Some(2) && said.contains("connections must be encrypted"), "{said}");
        let files = ["--tls-certificate", "service.pem", "--tls-key", "service.key"];
        fs::set_permissions(dir.path().join("service.key"), fs::Permissions::from_mode(0o644)).unwrap();
        let (code, said) = check("0.0.0.0:0", &files);
        assert!(code == Some(2) && said.contains("chmod 600"), "{said}");
        fs::set_permissions(dir.path().join("service.key"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!check("0.0.0.0:0", &files).1.is_empty());
        let (_, said) = check("0.0.0.0:0", &[&files[..], &["--group-access"]].concat());
        assert!(!said.contains("MEJA_TLS"), "{said}");
        let (_, said) = check("0.0.0.0:0", &["--behind-proxy", "10.0.0.0/8, fd00::/8"]);
        assert!(!said.contains("MEJA_"), "{said}");
        let (code, said) = check("127.0.0.1:0", &["--behind-proxy", "proxy"]);
        assert!(code == Some(2) && said.contains("MEJA_BEHIND_PROXY"), "{said}");
    }
}

/// A private authority, and what it signed for the services.
struct Tls {
    dir: PathBuf,
}

impl Tls {
    /// Runs the command that makes it.
    fn make(dir: &Path) -> Output {
        program("reservation").args(["access", "ca"]).arg(dir).output().unwrap()
    }

    fn made(parent: &Path) -> Self {
        let dir = parent.join("tls");
        fs::create_dir_all(parent).unwrap();
        let made = Self::make(&dir);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn authority(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_pem(&fs::read(self.file("ca.pem")).unwrap()).unwrap()
    }

    /// The service `name` uses its certificate, and trusts the authority.
    fn secure(&self, command: &mut Command, name: &str) {
        command.arg("--tls-certificate").arg(self.file(&format!("{name}.pem")));
        command.arg("--tls-key").arg(self.file(&format!("{name}.key")));
        command.arg("--tls-ca").arg(self.file("ca.pem"));
    }
}

/// The services call each other over encrypted connections that a private authority signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_signs_for_the_services_among_themselves() {
    let _ = anonymous_client();
    let mut pair = Pair::prepared(&["--simulated-decide-after-ms", "0"]);
    let tls = Tls::made(pair.dir.path());
    assert!(!Tls::make(&tls.dir).status.success(), "it would replace the authority");
    for url in [&mut pair.reservation_url, &mut pair.notifier_url] {
        *url = url.replace("http:", "https:");
    }
    let (mut reservation, mut notifier) = (pair.reservation_command(), pair.notifier_command());
    tls.secure(&mut reservation, "reservation");
    tls.secure(&mut notifier, "notifier");
    pair.reservation = Some(Running(reservation.spawn().unwrap()));
    pair.notifier = Some(Running(notifier.spawn().unwrap()));
    let client = trusting(tls.authority());
    let reservations = format!("{}/api/reservations", pair.reservation_url);
    // Without what only staff may say.
    let mut request = booking(2);
    request.as_object_mut().unwrap().remove("allow_duplicate");
    // An answer that does not arrive must not make the next attempt a second booking.
    let key = uuid::Uuid::new_v4().to_string();
    let book = async || {
        let answer =
            client.post(&reservations).header("idempotency-key", &key).json(&request).send().await.ok()?;
        answer.json::<Value>().await.ok()
    };
    let booked = std::sync::Mutex::new(Value::Null);
    until("a booking", async || {
        let answer = book().await.unwrap_or_default();
        let is_booked = answer["reservation_id"].is_string();
        *booked.lock().unwrap() = answer;
        is_booked
    })
    .await;
    // The notifier has read the feed and the contact, and sent the mail.
    let outbox = pair.dir.path().join("notifier/outbox");
    until("a mail", async || outbox.read_dir().is_ok_and(|mut dir| dir.next().is_some())).await;
    // Commands reach the service too, with the authority only.
    let listed = {
        let mut command = program("reservation");
        command.args(["access", "list", "--listen", pair.reservation_url.trim_start_matches("https://")]);
        tls.secure(&mut command, "reservation");
        command.args(["--credential-file", crate::services::owner_file()]);
        command.output().unwrap()
    };
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("owner"),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    assert!(fs::metadata(tls.file("ca.key")).unwrap().permissions().mode() & 0o077 == 0);
}

#[test]
fn a_key_is_not_sent_unencrypted_to_another_machine() {
    let mut command = program("notifier");
    let output = command.args(["check", "--reservation-url", "http://10.0.0.5:8000"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && said.contains("RESERVATION_URL") && said.contains("https"),
        "{said}"
    );
}

/// The protocols that a TLS handshake with `at` agrees on, if a client offers `offered`.
fn agreed(at: &str, authority: &Path, offered: &[&str]) -> Option<Vec<u8>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = "127.0.0.1".try_into().unwrap();
    let mut session = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    session.complete_io(&mut stream).ok()?;
    session.alpn_protocol().map(<[u8]>::to_vec)
}

/// All calls among the three services are gRPC over TLS: the feed of the notifier, and the pages of the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_among_the_services_is_encrypted_and_agrees_on_http2() {
    let _ = anonymous_client();
    let mut pair = Pair::prepared(&["--simulated-decide-after-ms", "0"]);
    pair.venues = root().join("tests/venues/pages");
    let tls = Tls::made(pair.dir.path());
    for url in [&mut pair.reservation_url, &mut pair.notifier_url] {
        *url = url.replace("http:", "https:");
    }
    let [reservation_at, notifier_at] = [(); 2].map(|()| format!("127.0.0.1:{}", own_port()));
    let (mut reservation, mut notifier) = (pair.reservation_command(), pair.notifier_command());
    tls.secure(&mut reservation, "reservation");
    tls.secure(&mut notifier, "notifier");
    reservation.args(["--grpc-listen", &reservation_at]);
    notifier.args(["--grpc-listen", &notifier_at, "--upstream-feed", "grpc"]);
    notifier.args(["--reservation-grpc-url", &format!("https://{reservation_at}")]);
    pair.reservation = Some(Running(reservation.spawn().unwrap()));
    pair.notifier = Some(Running(notifier.spawn().unwrap()));
    let client = trusting(tls.authority());
    let up = async |url: String| client.get(url).send().await.is_ok_and(|answer| answer.status() == 200);
    until("the notifier", async || up(format!("{}/readyz", pair.notifier_url)).await).await;

    let gateway_at = format!("127.0.0.1:{}", own_port());
    let gateway = |authority: &Path| {
        let mut command = program("gateway");
        command.args(["--listen", &gateway_at, "--tls-ca", authority.to_str().unwrap()]);
        command.args(["--reservation-url", &pair.reservation_url, "--notifier-url", &pair.notifier_url]);
        command.args(["--reservation-grpc-url", &format!("https://{reservation_at}")]);
        command.args(["--notifier-grpc-url", &format!("https://{notifier_at}")]);
        command.arg("--secrets-dir").arg(secrets()).envs(UNLIMITED).stderr(Stdio::null());
        Running(command.spawn().unwrap())
    };
    // Today may be over.
    let day = booking(2)["start_time"].as_str().unwrap()[..10].to_owned();
    let page = async || {
        let url = format!("http://{gateway_at}/v/kedai-kecil?date={day}");
        anonymous_client().get(url).send().await.ok()?.text().await.ok()
    };
    let running = gateway(&tls.file("ca.pem"));
    until("times on the page", async || page().await.is_some_and(|page| page.contains("/book?day="))).await;
    drop(running);
    // Another authority signed nothing that this gateway calls.
    let other = Tls::made(&pair.dir.path().join("other"));
    let _running = gateway(&other.file("ca.pem"));
    until("a page", async || page().await.is_some_and(|page| page.contains("cannot look this up"))).await;

    // The notifier follows the feed: the guest gets a mail.
    let answer = client.post(format!("{}/api/reservations", pair.reservation_url));
    let answer = answer.json(&json!({"customer_id": "c", "venue_id": "kedai-kecil", "party_size": 2,
        "start_time": in_days(3), "contact_info": {"name": "Sari", "phone": "+62 812 3456 7890", "email": "sari@example.com"}}));
    assert_eq!(answer.send().await.unwrap().status(), 200);
    let outbox = pair.dir.path().join("notifier/outbox");
    until("a mail", async || outbox.read_dir().is_ok_and(|mut dir| dir.next().is_some())).await;

    for at in [&reservation_at, &notifier_at] {
        let authority = tls.file("ca.pem");
        assert_eq!(agreed(at, &authority, &["h2"]).as_deref(), Some(&b"h2"[..]), "{at}");
        assert_eq!(agreed(at, &authority, &["http/1.1"]), None, "{at} speaks HTTP/2 only");
        assert!(agreed(at, &other.file("ca.pem"), &["h2"]).is_none(), "{at} is signed by its own authority");
    }
}

/// 19:00 at the restaurant, so many days from now.
fn in_days(days: i64) -> String {
    let now: chrono::DateTime<chrono::Utc> = std::time::SystemTime::now().into();
    format!("{}T19:00", (now + chrono::TimeDelta::days(days)).date_naive())
}
