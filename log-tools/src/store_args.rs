//! The settings that name the place of a log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chassis::network::Authorities;
use events::store::place::Place;
use events::store::postgres::Server;

/// The place that an operator names for another log: the URL of a database, or a data directory.
///
/// # Errors
/// A description of the fault, which does not contain the password.
pub(crate) fn destination(
    named: &str,
    password_file: Option<&Path>,
    authorities: &Authorities,
) -> Result<Place, String> {
    let is_url = named.starts_with("postgres://") || named.starts_with("postgresql://");
    let (url, dir) = if is_url { (Some(named), PathBuf::new()) } else { (None, named.into()) };
    place(url, password_file, dir, authorities)
}

/// The place of the log: the database at `store`, or `data_dir` without it. The connection presents the password in
/// `password_file`, and the certificate of the server must be valid for the system or `authorities`.
///
/// # Errors
/// A description of the fault, which does not contain the password.
pub fn place(
    store: Option<&str>,
    password_file: Option<&Path>,
    data_dir: PathBuf,
    authorities: &Authorities,
) -> Result<Place, String> {
    let Some(url) = store.map(str::trim) else { return Ok(Place::Directory(data_dir)) };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("the value does not start with postgres://. For a log in the data directory, do not set it at all".into());
    }
    let read = |path: &Path| {
        let text = fs::read_to_string(path);
        text.map_err(|error| format!("could not read the password in {}: {error}", path.display()))
    };
    let password = password_file.map(read).transpose()?;
    let tls = authorities.tls().map_err(|error| format!("the certificates of the system: {error}"))?;
    let server = Server::parse(url, password.as_deref().map(str::trim_end), Arc::new(tls));
    server.map(Place::Database).map_err(|error| error.to_string())
}
