//! The service in which faults are injected.

use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ports::own_port;
use crate::services::{DEADLINE, Running, UNLIMITED, binary, owner_client, root, secrets};

/// A reservation service on a data directory, which can be killed and restarted.
pub struct Victim {
    pub data_dir: PathBuf,
    pub url: String,
    /// Additional options.
    pub args: Vec<String>,
    /// The command it runs under, for example strace with its options.
    pub under: Vec<String>,
    pub running: Option<Running>,
}

impl Victim {
    pub fn new(data_dir: PathBuf) -> Self {
        let url = format!("http://127.0.0.1:{}", own_port());
        Self { data_dir, url, args: Vec::new(), under: Vec::new(), running: None }
    }

    pub fn client() -> reqwest::Client {
        owner_client(Duration::from_secs(20))
    }

    fn command(&self) -> Command {
        let mut words =
            self.under.iter().cloned().chain([binary("reservation").to_str().unwrap().to_owned()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(["--listen", self.url.trim_start_matches("http://")])
            .arg("--secrets-dir")
            .arg(secrets())
            .args(["--cache-mib", "8", "--log", "warn"])
            .env("RESERVATION_DISK_RESERVE_MIB", "0")
            .env("RESERVATION_GRPC_LISTEN", "off")
            .envs(UNLIMITED)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--venues")
            .arg(root().join("tests/venues/by-hand"))
            // No notifier: bookings do not need it.
            .args(["--notifier-url", "http://127.0.0.1:9"])
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.stderr());
        command
    }

    fn stderr(&self) -> Stdio {
        let path = self.said_in();
        std::fs::File::options().create(true).append(true).open(path).unwrap().into()
    }

    fn said_in(&self) -> PathBuf {
        // Outside the directory, whose file system may fail.
        std::env::temp_dir().join(format!("meja-victim-{}.log", self.url.rsplit(':').next().unwrap()))
    }

    /// Its standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.said_in()).unwrap_or_default()
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) {
        self.running = Some(Running(self.command().spawn().unwrap()));
    }

    /// Waits until it is ready; `false` if it ended before.
    pub async fn is_ready(&mut self, client: &reqwest::Client) -> bool {
        let (deadline, url) = (Instant::now() + DEADLINE, format!("{}/readyz", self.url));
        loop {
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return true;
            }
            if self.ended().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "not ready in time; its output: {}", self.said());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// Starts it, which must succeed.
    pub async fn start(&mut self, client: &reqwest::Client) {
        self.spawn();
        assert!(self.is_ready(client).await, "the service ended at start; its output: {}", self.said());
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut().and_then(|running| running.0.try_wait().unwrap())
    }

    /// Waits until it has ended.
    pub async fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.ended() {
                self.running = None;
                return status;
            }
            assert!(Instant::now() < deadline, "the service did not end; its output: {}", self.said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn kill_9(&mut self) {
        // A traced process can outlive strace. strace ends when it has seen the end of the process,
        // and only then is the lock certainly free.
        let traced = self.traced();
        for pid in &traced {
            let _ = rustix::process::kill_process(*pid, rustix::process::Signal::KILL);
        }
        let deadline = Instant::now() + DEADLINE;
        while !traced.is_empty() && self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(running) = self.running.take() {
            running.kill_9();
        }
    }

    /// Sends SIGTERM to the service, not to the command it runs under.
    pub fn ask_to_stop(&self) {
        for pid in self.traced() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    /// The process of the service, if it runs under another command.
    fn traced(&self) -> Vec<rustix::process::Pid> {
        let Some(running) = self.running.as_ref().filter(|_| !self.under.is_empty()) else {
            return Vec::new();
        };
        let id = running.0.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        pids.filter_map(rustix::process::Pid::from_raw).collect()
    }

    /// The result of `reservation log verify` on its directory, with the exit code.
    pub fn verify(&self) -> (Option<i32>, Value, String) {
        let output = Command::new("timeout")
            .arg("30")
            .arg(binary("reservation"))
            .args(["log", "verify", "--json", "--log", "warn", "--data-dir"])
            .arg(&self.data_dir)
            .args(&self.args)
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
    }
}

impl Victim {
    /// Kills it and verifies its log completely: the chain, and every append condition.
    #[track_caller]
    pub fn assert_whole(&mut self) {
        self.kill_9();
        let (code, verdict, said) = self.verify();
        assert_eq!(code, Some(0), "{verdict} {said}");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill_9();
        let _ = std::fs::remove_file(self.said_in());
    }
}
