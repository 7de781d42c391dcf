//! Access of other users to files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::Mode;

/// Makes new directories 0700 and new files 0600 at most, whatever the shell says; with `group_access` 0770 and 0660.
pub fn keep_private(group_access: bool) {
    rustix::process::umask(Mode::from_raw_mode(others(group_access)));
}

/// Checks that no other user can use the directory `path`, if it exists. With `group_access` its group may.
///
/// # Errors
/// A description of the fault, with the command that mends it.
pub fn check_private(path: &Path, group_access: bool) -> Result<(), String> {
    let Ok(found) = std::fs::metadata(path) else { return Ok(()) };
    let open = found.permissions().mode() & others(group_access);
    let path = path.display();
    match (open, open & 0o007) {
        (0, _) => Ok(()),
        (_, 0) => Err(format!(
            "the group of {path} can use it; run: chmod 700 {path}, or start with --group-access if that is intended"
        )),
        _ => Err(format!(
            "other users can use {path}; run: chmod {} {path}",
            if group_access { "770" } else { "700" }
        )),
    }
}

/// The permissions that others do not get.
pub(crate) fn others(group_access: bool) -> u32 {
    if group_access { 0o007 } else { 0o077 }
}
