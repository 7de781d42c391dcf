//! Files with credentials: written once, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

use chassis::secret::Token;
use events::KeyId;
use parking_lot::RwLock;

use crate::first::FirstKey;
use crate::token::{KEY_PREFIX, KeyToken};

/// What a line of a header file begins with.
const HEADER: &str = "Authorization: Bearer ";
/// The end of the name of a file that is not valid yet.
const STAGED: &str = "new";
/// Maximum length of a file with a credential, in bytes.
const FILE_BYTES_MAX: u64 = 4_096;

/// A directory with the credentials of an installation.
#[derive(Debug, Clone)]
pub struct SecretsDir(pub PathBuf);

/// A failure to read or write a credential.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file cannot be read or written.
    #[error("could not read or write {path}: create its directory for this user, or name another one")]
    File {
        /// The file or the directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Other users can read a file.
    #[error(
        "other users can read {path}; run: chmod 600 {path}. Replace the credential if they may have read it"
    )]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// A key can be guessed.
    #[error("the key in {0} can be guessed: remove the file, and the next start makes another key")]
    Weak(PathBuf),
    /// A file contains no credential.
    #[error("{0} contains no credential: it should be one line, meja_… or Authorization: Bearer meja_…")]
    NoCredential(PathBuf),
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SecretsError {
    let path = path.to_owned();
    move |source| SecretsError::File { path, source }
}

impl SecretsDir {
    /// The path of the file `name`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes `keys` beside the files that [`Self::publish`] replaces, so that no key is lost when the process dies after
    /// it was recorded. A key that is in its file already is not written.
    ///
    /// # Errors
    /// [`SecretsError`] when the directory or a file cannot be written.
    pub fn stage(&self, keys: &[FirstKey]) -> Result<(), SecretsError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(failed(&self.0))?;
        let is_new = |key: &&FirstKey| read_key(&self.file(key.file)).ok().as_ref() != Some(&key.token);
        keys.iter().filter(is_new).try_for_each(|key| {
            let path = staged(&self.file(key.file));
            write_new(&path, &line(Path::new(key.file), &key.token.reveal())).map_err(failed(&path))
        })
    }

    /// Publishes each of the staged files `names` whose key is recorded, and removes the others.
    ///
    /// # Errors
    /// [`SecretsError`] when a file cannot be renamed or removed.
    pub fn publish(&self, names: &[&str], is_recorded: impl Fn(&KeyId) -> bool) -> Result<(), SecretsError> {
        for path in names.iter().map(|name| self.file(name)) {
            let staged = staged(&path);
            if !staged.exists() {
                continue;
            }
            let recorded = read_key(&staged).is_ok_and(|key| is_recorded(key.id()));
            let done = if recorded { fs::rename(&staged, &path) } else { fs::remove_file(&staged) };
            done.map_err(failed(&staged))?;
        }
        // The names must be durable as well. A directory that was never created has none.
        match File::open(&self.0).and_then(|dir| dir.sync_all()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&self.0)(error)),
            _ => Ok(()),
        }
    }
}

fn staged(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(STAGED);
    name.into()
}

/// The content of the file at `path` with a key: a header if its name says so.
fn line(path: &Path, token: &str) -> String {
    let is_header = path.extension().is_some_and(|extension| extension == "header");
    format!("{}{token}\n", if is_header { HEADER } else { "" })
}

/// Writes a key to the file at `path`, which only its owner can read. A file named `….header` gets it as a header for
/// curl. An earlier key in it is replaced.
///
/// # Errors
/// [`SecretsError`].
pub fn write_key(path: &Path, token: &str) -> Result<(), SecretsError> {
    let new = staged(path);
    write_new(&new, &line(path, token)).map_err(failed(&new))?;
    fs::rename(&new, path).map_err(failed(path))
}

/// Creates a file that only its owner can read, unless it exists: of several processes that do so at once, one succeeds. Its
/// directory is created if it does not exist. Returns the content of the file.
///
/// # Errors
/// [`SecretsError`].
pub fn create_private(path: &Path, text: &str) -> Result<String, SecretsError> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
    }
    let new = path.with_extension(format!("{STAGED}-{}", std::process::id()));
    write_new(&new, text).map_err(failed(&new))?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new).map_err(failed(&new))?;
    match linked {
        Ok(()) => {
            // The name must be durable as well.
            let folder = path.parent().unwrap_or(path);
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))?;
            Ok(text.to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_text(path),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Replaces the content of a file that only its owner can read, at once and durably. It stays that of its owner, also if another user
/// replaces it, and a link stays a link.
///
/// # Errors
/// [`SecretsError`].
pub fn replace_private(path: &Path, text: &str) -> Result<(), SecretsError> {
    let path = &fs::canonicalize(path).map_err(failed(path))?;
    let owner = fs::metadata(path).map_err(failed(path))?;
    let new = staged(path);
    write_new(&new, text).map_err(failed(&new))?;
    chown(&new, Some(owner.uid()), Some(owner.gid())).map_err(failed(&new))?;
    fs::rename(&new, path).map_err(failed(path))?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

/// Reads a file that only its owner can read; `None` if there is none.
///
/// # Errors
/// [`SecretsError`].
pub fn read_private(path: &Path) -> Result<Option<String>, SecretsError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => read_text(path).map(Some),
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Reads a key from the file at `path`, which contains it alone or as a header.
///
/// # Errors
/// [`SecretsError`].
pub fn read_key(path: &Path) -> Result<KeyToken, SecretsError> {
    let text = read_line(path)?;
    let key = KeyToken::parse(&text).ok_or_else(|| SecretsError::NoCredential(path.to_owned()))?;
    if key.is_weak() { Err(SecretsError::Weak(path.to_owned())) } else { Ok(key) }
}

fn read_line(path: &Path) -> Result<String, SecretsError> {
    let text = read_text(path)?;
    let line = text.trim();
    Ok(line.strip_prefix(HEADER).unwrap_or(line).trim().to_owned())
}

fn read_text(path: &Path) -> Result<String, SecretsError> {
    let found = fs::metadata(path).map_err(failed(path))?;
    if found.permissions().mode() & 0o007 != 0 {
        return Err(SecretsError::Readable { path: path.to_owned() });
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(SecretsError::NoCredential(path.to_owned()));
    }
    fs::read_to_string(path).map_err(failed(path))
}

/// A credential in a file, which is read again when it was refused: it may have been rotated.
#[derive(Debug)]
pub struct CredentialFile {
    path: PathBuf,
    current: RwLock<Option<Token>>,
}

impl CredentialFile {
    /// The credential in the file at `path`. The file is not read yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, current: RwLock::new(None) }
    }

    /// The credential `token`, without a file.
    #[must_use]
    pub fn fixed(token: Token) -> Self {
        Self { path: PathBuf::new(), current: RwLock::new(Some(token)) }
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The credential, as it was read last.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.current.read().clone()
    }

    /// Reads the file again. Keeps the credential that was read last if there is no new one.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn reload(&self) -> Result<(), SecretsError> {
        if self.path.as_os_str().is_empty() {
            return Ok(());
        }
        let text = read_line(&self.path)?;
        let token = Token::try_from(text).ok().filter(|token| token.reveal().starts_with(KEY_PREFIX));
        let token = token.ok_or_else(|| SecretsError::NoCredential(self.path.clone()))?;
        *self.current.write() = Some(token);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;
    use crate::first::{NOTIFIER_FILE, OWNER_FILE, first_keys};

    #[test]
    fn a_key_that_others_can_read_or_guess_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NOTIFIER_FILE);
        write_key(&path, &KeyToken::new(&SystemEnvironment).reveal()).unwrap();
        assert!(read_key(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(read_key(&path), Err(SecretsError::Readable { .. })));
        write_key(&path, &format!("{KEY_PREFIX}notifier_{}", "A".repeat(43))).unwrap();
        assert!(matches!(read_key(&path), Err(SecretsError::Weak(_))));
    }

    #[test]
    fn first_keys_are_published_once_they_are_recorded() {
        let root = tempfile::tempdir().unwrap();
        let dir = SecretsDir(root.path().join("secrets"));
        let keys = first_keys(&SystemEnvironment);
        let names = keys.clone().map(|key| key.file);
        dir.stage(&keys).unwrap();
        assert!(!dir.file(OWNER_FILE).exists());
        let recorded = |id: &KeyId| keys[..2].iter().any(|key| key.token.id() == id);
        dir.publish(&names, recorded).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir.0), mode(&dir.file(OWNER_FILE))), (0o700, 0o600));
        // What was not recorded is gone, and nothing staged is left.
        let mut left: Vec<_> =
            fs::read_dir(&dir.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [NOTIFIER_FILE, OWNER_FILE]);
        assert_eq!(read_key(&dir.file(OWNER_FILE)).unwrap(), keys[0].token);
        assert_eq!(read_key(&dir.file(NOTIFIER_FILE)).unwrap(), keys[1].token);
    }

    #[test]
    fn a_credential_is_read_again_after_its_file_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NOTIFIER_FILE);
        let credential = CredentialFile::new(path.clone());
        assert!(credential.token().is_none() && credential.reload().is_err());
        for _ in 0..2 {
            let token = KeyToken::new(&SystemEnvironment).reveal();
            write_new(&path, &format!("{token}\n")).unwrap();
            credential.reload().unwrap();
            assert_eq!(credential.token().unwrap().reveal(), token);
        }
        write_new(&path, "nothing of use\n").unwrap();
        assert!(matches!(credential.reload(), Err(SecretsError::NoCredential(_))));
        assert!(credential.token().is_some());
    }
}
