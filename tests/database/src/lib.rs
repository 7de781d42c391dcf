//! A PostgreSQL server for one test, reached through a socket in its directory.
//!
//! The server is that of Debian's package `postgresql`. It ends with the test, also if the test is killed.
#![expect(clippy::missing_panics_doc, reason = "a server that does not start is the result of a test")]

pub mod cluster;
pub mod network;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

/// Maximum time until the server accepts connections, or has stopped.
const START_MAX: Duration = Duration::from_secs(60);

/// How a server differs from the usual one.
#[derive(Debug, Default)]
pub struct Setup<'a> {
    /// Settings such as `max_connections=20`.
    pub settings: &'a [&'a str],
    /// Files in the directory of the server, each with its name and content. Only the owner of the server can read them.
    pub files: &'a [(&'a str, &'a str)],
    /// Environment variables of the server.
    pub environment: Vec<(&'static str, String)>,
    /// The command under which the server runs, such as `ip netns exec …`.
    pub under: Vec<String>,
    /// An existing directory, such as a small file system, in which the server keeps its files.
    pub volume: Option<&'a Path>,
}

/// A running server with the superuser `postgres` and the database `postgres`.
#[derive(Debug)]
pub struct Database {
    dir: TempDir,
    data: PathBuf,
    /// Names the socket, also if the server listens on no port.
    port: String,
    environment: Vec<(&'static str, String)>,
    under: Vec<String>,
    server: Option<Child>,
}

impl Database {
    /// Makes a new server and starts it.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    /// Makes a new server and starts it.
    #[must_use]
    pub fn with(setup: Setup<'_>) -> Self {
        let Setup { settings, files, environment, under, volume } = setup;
        let dir = tempfile::Builder::new().prefix("meja-postgres-").tempdir().unwrap_or_else(|error| {
            panic!("the directory of the database cannot be made: {error}");
        });
        // The server runs as another user, who must enter the directory.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap_or_default();
        let data = volume.unwrap_or(dir.path()).join("data");
        fs::create_dir(&data).unwrap_or_default();
        let port = settings.iter().find_map(|setting| setting.strip_prefix("port="));
        let port = port.unwrap_or("5432").to_owned();
        let mut database = Self { dir, data: data.clone(), port, environment, under, server: None };
        if getuid().is_root() {
            run(Command::new("chown").arg("postgres").arg(&data));
        }
        run(database.as_owner("initdb", "TERM").arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "--locale=C",
            "--encoding=UTF8",
            "--no-sync",
        ]));
        let mut configuration = fs::read_to_string(data.join("postgresql.conf")).unwrap_or_default();
        configuration += &format!("listen_addresses = ''\nunix_socket_directories = '{}'\n", data.display());
        for setting in settings {
            configuration += &format!("{setting}\n");
        }
        fs::write(data.join("postgresql.conf"), configuration).unwrap_or_default();
        for (name, content) in files {
            let file = data.join(name);
            fs::write(&file, content).unwrap_or_default();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap_or_default();
            if getuid().is_root() {
                run(Command::new("chown").arg("postgres").arg(&file));
            }
        }
        database.restart();
        database
    }

    /// The URL of the database, for the user `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of the database, for the user `user`.
    #[must_use]
    pub fn url_of(&self, user: &str) -> String {
        self.url_at(&self.socket_dir(), user)
    }

    /// The URL of a database whose socket is in `dir`, for the user `user`.
    #[must_use]
    pub fn url_at(&self, dir: &Path, user: &str) -> String {
        let socket = dir.display().to_string().replace('/', "%2F");
        format!("postgres://{user}@{socket}/postgres")
    }

    /// The folder of the socket of the server.
    #[must_use]
    pub fn socket_dir(&self) -> PathBuf {
        self.data.clone()
    }

    /// Runs SQL statements with `psql`, and returns the unaligned rows.
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        self.try_query_as("postgres", sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs SQL statements as `user`.
    ///
    /// # Errors
    /// What the server says.
    pub fn try_query_as(&self, user: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", user])
            .args(["-p", &self.port, "-h"])
            .arg(&self.data)
            .args(["-c", sql, "postgres"])
            .output();
        let output = output.unwrap_or_else(|error| panic!("psql cannot be run: {error}"));
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Kills the server, whose other processes then end. Nothing is flushed, as in a crash.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Stops the server, which waits for no client.
    pub fn stop(&mut self) {
        self.signal(Signal::INT);
    }

    fn signal(&mut self, signal: Signal) {
        let Some(mut server) = self.server.take() else { return };
        let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
        let _ = server.wait();
    }

    /// Starts the server that was stopped or killed, and waits until it accepts connections.
    pub fn restart(&mut self) {
        let deadline = Instant::now() + START_MAX;
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "the database did not start: {}", self.log());
            // It ends at once while processes of the killed server still use its memory.
            let is_running = self.server.as_mut().is_some_and(|server| matches!(server.try_wait(), Ok(None)));
            if !is_running {
                self.server = Some(self.spawn());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn spawn(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.dir.path().join("log"));
        let (output, errors) = match log.and_then(|log| Ok((log.try_clone()?, log))) {
            Ok((log, same)) => (Stdio::from(log), Stdio::from(same)),
            Err(_) => (Stdio::null(), Stdio::null()),
        };
        // Not for the program that changes the user: a library in them makes objects that belong to its user.
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let owner = self.as_owner("env", "INT");
        let words = self.under.iter().map(OsStr::new).chain([owner.get_program()]).chain(owner.get_args());
        let words: Vec<_> = words.collect();
        let started = Command::new(words[0])
            .args(&words[1..])
            .current_dir(self.dir.path())
            .args(variables)
            .arg(program("postgres"))
            .arg("-D")
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        started.unwrap_or_else(|error| panic!("postgres cannot be run: {error}"))
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The files of the server that contain `text`.
    #[must_use]
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let mut command = Command::new("grep");
        let output = command.args(["-rlaF", text]).arg(&self.data).output();
        let output = output.unwrap_or_else(|error| panic!("grep cannot be run: {error}"));
        String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect()
    }

    fn is_ready(&self) -> bool {
        let mut command = Command::new(program("pg_isready"));
        let status = command.args(["-q", "-p", &self.port, "-h"]).arg(&self.data).status();
        status.is_ok_and(|status| status.success())
    }

    fn as_owner(&self, name: &str, signal: &str) -> Command {
        let mut command = as_owner(name, signal);
        command.current_dir(self.dir.path());
        command
    }
}

/// A program of the server. The server refuses to run as root, so it then runs as the user of Debian's package. It
/// gets `signal` when this thread ends.
fn as_owner(name: &str, signal: &str) -> Command {
    let mut command = Command::new("setpriv");
    if getuid().is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig", signal]).arg(program(name));
    command
}

impl Drop for Database {
    fn drop(&mut self) {
        self.signal(Signal::QUIT);
    }
}

/// The path of a program of PostgreSQL. Debian keeps those of each version in a folder that is not in `PATH`.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| Path::new(name).to_owned())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be run: {error}. Install the package postgresql, then run the test again")
    });
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
