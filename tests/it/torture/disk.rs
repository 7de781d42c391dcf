//! A small disk of its own for a test, which can be filled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{is_installed, run};

/// A mounted ext4 file system.
pub struct Disk {
    dir: TempDir,
}

impl Disk {
    /// Makes and mounts one. The error says why this machine cannot.
    pub fn of_mib(size_mib: u64) -> Result<Self, &'static str> {
        if !is_installed("mkfs.ext4") {
            return Err("mkfs.ext4 is not installed, so no disk can be filled");
        }
        let disk = Self { dir: tempfile::tempdir().unwrap() };
        let image = disk.dir.path().join("image");
        fs::create_dir(disk.at()).unwrap();
        fs::File::create(&image).unwrap().set_len(size_mib << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]);
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.at()).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            return Err(
                "no file system can be mounted here (no root, or no loop device), so no disk can be filled",
            );
        }
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn at(&self) -> PathBuf {
        self.dir.path().join("at")
    }

    fn filler(&self) -> PathBuf {
        self.at().join("filler")
    }

    /// Uses up the space, but for so many KiB.
    pub fn fill(&self, rest_kib: u64) {
        let script = format!(
            "free=$(df --output=avail -k {0} | tail -1); fallocate -l $((free - {rest_kib}))K {1}",
            self.at().display(),
            self.filler().display()
        );
        run("sh", &["-c", &script]);
    }

    /// Frees what `fill` has used up.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg::<&Path>(&self.at()).output();
    }
}
