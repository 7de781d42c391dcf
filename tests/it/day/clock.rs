//! A clock that the test moves, for processes that know nothing of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use tempfile::TempDir;

/// Where the package `faketime` has its library.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// A clock that stands still until it is moved. Timers are real.
pub struct Clock {
    dir: TempDir,
}

impl Clock {
    pub fn at(now: DateTime<FixedOffset>) -> Self {
        let clock = Self { dir: tempfile::tempdir().unwrap() };
        // A process of another user reads it too.
        std::fs::set_permissions(clock.dir.path(), Permissions::from_mode(0o755)).unwrap();
        clock.set(now);
        clock
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("now")
    }

    /// Moves the clock. Readers see the old or the new time.
    pub fn set(&self, now: DateTime<FixedOffset>) {
        let next = self.dir.path().join("next");
        std::fs::write(&next, now.to_utc().format("%Y-%m-%d %H:%M:%S\n").to_string()).unwrap();
        std::fs::rename(next, self.file()).unwrap();
    }

    /// The environment of a process that has this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let library = library.expect("libfaketime is missing: install the package faketime");
        vec![
            ("LD_PRELOAD", library.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]
    }
}
