//! A real SMTP server that keeps what it gets as files and misbehaves on demand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::services::{Running, free_port, root, until};

/// It reads `behaviour` before each message: of a hundred so many are put off (451), kept without a word of it, or
/// answered late. It listens once it has said so.
const SERVER: &str = r#"
import json, pathlib, random, sys, time, uuid, asyncio
from aiosmtpd.controller import Controller
folder = pathlib.Path(sys.argv[2])
def behaves(name):
    return random.randrange(100) < json.loads((folder / "behaviour").read_text()).get(name, 0)
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
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
(folder / "ready").touch()
time.sleep(3600)
"#;

/// Reads messages with Python's own parser and prints what tests want to know.
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

pub struct MailServer {
    folder: TempDir,
    port: u16,
    _process: Running,
}

impl MailServer {
    pub async fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        std::fs::write(folder.path().join("behaviour"), "{}").unwrap();
        let process = python().args(["-c", SERVER, &port.to_string()]).arg(folder.path()).spawn().unwrap();
        let server = Self { folder, port, _process: Running(process) };
        until("the mail server", async || server.folder.path().join("ready").exists()).await;
        server
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// From now on it behaves so.
    pub fn behave(&self, behaviour: &Value) {
        let new = self.folder.path().join("behaviour.new");
        std::fs::write(&new, behaviour.to_string()).unwrap();
        std::fs::rename(new, self.folder.path().join("behaviour")).unwrap();
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("connections")).map_or(0, |file| file.len())
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
    }

    /// Everything that came, read by a library.
    pub fn mail(&self) -> Vec<Value> {
        let mut mail = Vec::new();
        for files in self.files().chunks(100) {
            let parsed = python().args(["-c", PARSER]).args(files).stderr(Stdio::inherit()).output().unwrap();
            let text = String::from_utf8(parsed.stdout).unwrap();
            mail.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        mail
    }

    /// How often each message came, by its Message-ID.
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

/// Nothing goes wrong.
pub fn well() -> Value {
    json!({})
}
