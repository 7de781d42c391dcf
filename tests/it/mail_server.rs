//! A real SMTP server that stores mail as files and misbehaves on demand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::ports::own_port;
use crate::services::{Running, root, until};

/// Reads `behaviour` before each step: how many of a hundred messages it defers (451), answers late, or accepts
/// without a response. These are spread evenly and not drawn at random, because a long run of failures would open the
/// breaker of the notifier or exhaust the attempts of one mail. Creates the file `ready` when it listens.
const SERVER: &str = r#"
import collections, json, pathlib, sys, time, uuid, asyncio
from aiosmtpd.controller import Controller
folder = pathlib.Path(sys.argv[2])
seen = collections.Counter()
def behaves(name):
    percent = json.loads((folder / "behaviour").read_text()).get(name, 0)
    seen[name] += percent
    return seen[name] // 100 > (seen[name] - percent) // 100
class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox: " + address
        if behaves("put_off"):
            return "451 4.7.1 greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        if behaves("late"):
            await asyncio.sleep(0.3)
        name = folder / uuid.uuid4().hex
        name.write_bytes(envelope.content)
        name.rename(name.with_suffix(".eml"))
        if behaves("drop_after_data"):
            server.transport.abort()
        return "250 OK"
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        with (folder / "connections").open("a") as file:
            file.write("x")
        return responses
settings = {}
if len(sys.argv) > 3:
    import ssl
    from aiosmtpd.smtp import AuthResult
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    def check(server, session, envelope, mechanism, login):
        fits = (login.login, login.password) == (b"meja@example.com", b"s3cret")
        return AuthResult(success=fits, handled=False)
    settings = {"auth_required": True, "authenticator": check}
    if sys.argv[3] == "wrapper":
        settings |= {"ssl_context": context, "auth_require_tls": False}
    else:
        settings |= {"tls_context": context, "require_starttls": True}
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1]), **settings).start()
(folder / "ready").touch()
time.sleep(3600)
"#;

/// Parses mail with Python's parser and prints what tests check.
const PARSER: &str = r#"
import sys, json, email, email.policy
for name in sys.argv[1:]:
    message = email.message_from_binary_file(open(name, "rb"), policy=email.policy.default)
    parts = [p for p in message.walk() if not p.is_multipart()]
    print(json.dumps({"subject": message["subject"], "to": message["to"], "from": message["from"], "date": message["date"],
      "id": message["message-id"], "defects": [str(d) for p in message.walk() for d in p.defects],
      "structure": [p.get_content_type() for p in message.walk()],
      "parts": [[p.get_content_type(), p.get_param("method"), p.get_content() if p.get_content_maintype() == "text" else p.get_content().decode(),
        p.get_filename()] for p in parts]}))
"#;

pub fn python() -> Command {
    let python = root().join("target/tools/python/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run the tests with make test, which installs it",
        python.display()
    );
    let mut command = Command::new(python);
    command.stdin(Stdio::null());
    command
}

/// How the connection to the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secured {
    Wrapper,
    StartTls,
}

pub struct MailServer {
    folder: TempDir,
    url: String,
    _process: Running,
}

impl MailServer {
    pub async fn start() -> Self {
        Self::begin(None).await
    }

    /// A server with its own certificate that requires a login.
    pub async fn secured(secured: Secured) -> Self {
        Self::begin(Some(secured)).await
    }

    async fn begin(secured: Option<Secured>) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), own_port());
        std::fs::write(folder.path().join("behaviour"), "{}").unwrap();
        let mut command = python();
        command.args(["-c", SERVER, &port.to_string()]).arg(folder.path());
        let url = match secured {
            None => format!("smtp://127.0.0.1:{port}"),
            Some(Secured::Wrapper) => format!("smtps://meja%40example.com:s3cret@127.0.0.1:{port}"),
            Some(Secured::StartTls) => {
                format!("smtp://meja%40example.com:s3cret@127.0.0.1:{port}?tls=required")
            }
        };
        if let Some(secured) = secured {
            let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
            std::fs::write(folder.path().join("cert.pem"), own.cert.pem()).unwrap();
            std::fs::write(folder.path().join("key.pem"), own.signing_key.serialize_pem()).unwrap();
            command.arg(if secured == Secured::Wrapper { "wrapper" } else { "starttls" });
        }
        let server = Self { folder, url, _process: Running(command.spawn().unwrap()) };
        until("the mail server", async || server.folder.path().join("ready").exists()).await;
        server
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The file of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Sets the behaviour from now on.
    pub fn behave(&self, behaviour: &Value) {
        let new = self.folder.path().join("behaviour.new");
        std::fs::write(&new, behaviour.to_string()).unwrap();
        std::fs::rename(new, self.folder.path().join("behaviour")).unwrap();
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("connections")).map_or(0, |file| file.len())
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
    }

    /// All mail that arrived, parsed by a library.
    pub fn mail(&self) -> Vec<Value> {
        let mut mail = Vec::new();
        for files in self.files().chunks(100) {
            let parsed = python().args(["-c", PARSER]).args(files).stderr(Stdio::inherit()).output().unwrap();
            let text = String::from_utf8(parsed.stdout).unwrap();
            mail.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        mail
    }

    /// The number of mails that arrived.
    pub fn count(&self) -> usize {
        self.files().len()
    }

    /// Whether a mail to `address` arrived.
    pub fn has_mail_to(&self, address: &str) -> bool {
        self.files().iter().any(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains(address)))
    }

    /// How often each mail arrived, by its Message-ID.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for path in self.files() {
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
            *counts.entry(id).or_default() += 1;
        }
        counts
    }
}
