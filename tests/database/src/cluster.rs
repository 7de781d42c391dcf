//! Two PostgreSQL servers under Patroni, with etcd: a primary and its standby, which takes over when the primary fails.
//!
//! The servers and etcd are those of Debian's packages. Patroni is installed by `make torture`, because version 3.0.2 of Debian 12
//! lets a paused primary that continues take the leadership back from its successor, and then acknowledged commits are lost.
//! Everything listens on 127.0.0.1 and ends with the test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

use crate::{as_owner, program, run};

/// Maximum time until the cluster is complete, and until a standby has taken over.
const READY_MAX: Duration = Duration::from_secs(120);

/// The settings of a node; see the words in braces.
const SETTINGS: &str = include_str!("../../cluster/patroni.yml");

/// The package of Patroni.
const PATRONI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/patroni");

/// Number of ports that a cluster needs.
pub const PORTS: usize = 6;

/// A cluster of two servers, with the superuser `postgres` and the database `postgres`.
#[derive(Debug)]
pub struct Cluster {
    /// Removed when the servers have ended.
    dir: TempDir,
    etcd: Child,
    nodes: [Node; 2],
    /// Whether the standby is synchronous.
    synchronous: bool,
}

/// A server and the Patroni that runs it.
#[derive(Debug)]
struct Node {
    dir: PathBuf,
    port: u16,
    rest_port: u16,
    patroni: Option<Child>,
}

impl Cluster {
    /// A program that a cluster needs and that is not installed, if there is one.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        let etcd = Command::new("sh").args(["-c", "command -v etcd"]).output();
        let has_etcd = etcd.is_ok_and(|output| output.status.success());
        if has_etcd { (!Path::new(PATRONI).exists()).then_some("patroni") } else { Some("etcd") }
    }

    /// Makes a new cluster and waits until it is complete. With `synchronous`, a commit waits for the standby.
    #[must_use]
    pub fn start(ports: [u16; PORTS], synchronous: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("meja-cluster-").tempdir().unwrap_or_else(|error| {
            panic!("the directory of the cluster cannot be made: {error}");
        });
        // The servers run as another user, who must enter the directory.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap_or_default();
        run(Command::new("cp").args(["-r", PATRONI]).arg(dir.path().join("patroni")));
        let [etcd_port, peer_port, ..] = ports;
        let etcd = start_etcd(dir.path(), etcd_port, peer_port);
        let nodes = [1, 2].map(|number| {
            let (rest_port, port) = (ports[2 * number], ports[2 * number + 1]);
            let node = Node { dir: dir.path().join(format!("node{number}")), port, rest_port, patroni: None };
            fs::create_dir(&node.dir).unwrap_or_default();
            if getuid().is_root() {
                run(Command::new("chown").arg("postgres").arg(&node.dir));
            }
            let words = [
                ("{number}", number.to_string()),
                ("{rest_port}", rest_port.to_string()),
                ("{port}", port.to_string()),
                ("{etcd_port}", etcd_port.to_string()),
                ("{synchronous}", synchronous.to_string()),
                ("{dir}", node.dir.display().to_string()),
                ("{bin_dir}", program("postgres").parent().unwrap_or(Path::new("")).display().to_string()),
            ];
            let settings =
                words.iter().fold(SETTINGS.to_owned(), |text, (word, value)| text.replace(word, value));
            fs::write(node.settings(), settings).unwrap_or_default();
            node
        });
        let mut cluster = Self { dir, etcd, nodes, synchronous };
        for number in 0..2 {
            cluster.start_node(number);
        }
        cluster.wait_whole();
        cluster
    }

    /// The URL of the database, with both servers.
    #[must_use]
    pub fn url(&self) -> String {
        let [one, other] = &self.nodes;
        format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", one.port, other.port)
    }

    /// The number of the primary, if there is exactly one.
    #[must_use]
    pub fn primary(&self) -> Option<usize> {
        let is_primary = |number: &usize| self.nodes[*number].says("SELECT NOT pg_is_in_recovery()") == "t";
        let mut primaries = (0..2).filter(is_primary);
        primaries.next().filter(|_| primaries.next().is_none())
    }

    /// Waits until there is a primary. Returns its number.
    pub fn wait_primary(&self) -> usize {
        self.wait("a primary", || self.primary())
    }

    /// Waits until a primary has a standby. Returns the number of the primary.
    pub fn wait_whole(&self) -> usize {
        self.wait("a primary with a standby", || self.whole())
    }

    fn wait(&self, what: &str, ask: impl Fn() -> Option<usize>) -> usize {
        let deadline = Instant::now() + READY_MAX;
        loop {
            if let Some(number) = ask() {
                return number;
            }
            assert!(Instant::now() < deadline, "the cluster has not got {what} in time; {}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The number of the primary, if it has a standby.
    fn whole(&self) -> Option<usize> {
        let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        let primary = self.primary().filter(|number| self.nodes[*number].says(streaming) == "1")?;
        // Patroni promotes a synchronous standby only after it has recorded it as such.
        let is_recorded =
            !self.synchronous || self.nodes[primary].cluster().contains(r#""role": "sync_standby""#);
        is_recorded.then_some(primary)
    }

    /// Kills a server. Patroni, which still runs, makes the standby the primary at once.
    pub fn crash_server(&self, number: usize) {
        if let Some(pid) = self.nodes[number].server() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Kills a server and its Patroni, as if the machine had disappeared. The standby takes over when the lease of the primary
    /// in etcd has expired.
    pub fn lose_node(&mut self, number: usize) {
        let server = self.nodes[number].server();
        self.nodes[number].end_patroni();
        if let Some(pid) = server {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Pauses a server and its Patroni, as a virtual machine that is moved.
    pub fn pause_node(&self, number: usize) {
        self.nodes[number].signal_all(Signal::STOP);
    }

    /// Continues what was paused.
    pub fn resume_node(&self, number: usize) {
        self.nodes[number].signal_all(Signal::CONT);
    }

    /// Starts a node that was lost.
    pub fn start_node(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        // Debian's Python has the packages that Patroni needs.
        let mut command = as_owner("env", "TERM");
        command.arg(format!("PYTHONPATH={}", self.dir.path().join("patroni").display()));
        command.args(["/usr/bin/python3", "-m", "patroni"]).arg(node.settings()).current_dir(&node.dir);
        node.patroni = Some(spawn(command, &node.dir.join("patroni.log")));
    }

    /// The last lines that each Patroni has logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.nodes.iter().map(Node::log_tail).collect::<Vec<_>>().join("\n---\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for number in 0..2 {
            self.resume_node(number);
            self.lose_node(number);
        }
        let _ = self.etcd.kill();
        let _ = self.etcd.wait();
    }
}

impl Node {
    fn settings(&self) -> PathBuf {
        self.dir.with_extension("yml")
    }

    /// The last lines that its Patroni has logged.
    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.dir.join("patroni.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Kills its Patroni, and leaves the server alone.
    fn end_patroni(&mut self) {
        if let Some(mut patroni) = self.patroni.take() {
            let _ = patroni.kill();
            let _ = patroni.wait();
        }
    }

    /// The rows of a query, or nothing if the server does not answer.
    fn says(&self, sql: &str) -> String {
        let output = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-U", "postgres", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-c", sql, "postgres"])
            .env("PGCONNECT_TIMEOUT", "2")
            .stderr(Stdio::null())
            .output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    }

    /// The cluster as Patroni has recorded it, in JSON; nothing if it does not answer.
    fn cluster(&self) -> String {
        let mut answer = String::new();
        let asked = TcpStream::connect(("127.0.0.1", self.rest_port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /cluster HTTP/1.0\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        });
        asked.map_or_else(|_| String::new(), |_| answer)
    }

    /// The process of the server, if it runs.
    fn server(&self) -> Option<Pid> {
        let data = self.dir.join("data");
        let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let pid = file.lines().next()?.trim().parse().ok()?;
        // The file of a killed server remains, and another process can have its number.
        let works_there = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data);
        Pid::from_raw(pid).filter(|_| works_there)
    }

    /// Sends a signal to Patroni, the server and the processes of the server.
    fn signal_all(&self, signal: Signal) {
        let patroni = self.patroni.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        let server = self.server().map(|pid| pid.as_raw_nonzero().get());
        let workers = server.into_iter().flat_map(children);
        for pid in patroni.into_iter().chain(server).chain(workers).filter_map(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// The child processes of `pid`.
fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn start_etcd(dir: &Path, port: u16, peer_port: u16) -> Child {
    let (clients, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "etcd", "--name", "one", "--log-level", "error"]);
    command.arg("--data-dir").arg(dir.join("etcd"));
    command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("one={peers}")]);
    spawn(command, &dir.join("etcd.log"))
}

fn spawn(mut command: Command, log: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(log);
    let (output, errors) = match log.and_then(|log| Ok((log.try_clone()?, log))) {
        Ok((log, same)) => (Stdio::from(log), Stdio::from(same)),
        Err(_) => (Stdio::null(), Stdio::null()),
    };
    let started = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    started.unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"))
}
