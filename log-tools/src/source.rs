//! The sources of a log: a directory or a database, a backup, or a running service.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::network::Authorities;
use chassis::secret::Token;
use events::feed::HEAD_POSITION_HEADER;
use events::recorded::Recorded;
use events::store::EventStore as _;
use events::store::backup::BackupReader;
use events::store::groups::{Chain, StoredGroup};
use events::store::log::StoredLog;
use events::store::place::{OpenError, Place};
use events::{LogId, Position};

use crate::Context;
use crate::serve::PATH;
use crate::terminal::Progress;

/// A service that is asked for events after this position sends only the header of a backup.
const AFTER_EVERYTHING: Position = Position(u64::MAX - 1);

/// A log that can be read from end to end.
pub enum Source {
    /// The log in a directory that no service uses, or in a database.
    Stored(Box<StoredLog>),
    /// A backup.
    Backup(PathBuf),
    /// A running service.
    Service(RunningService),
}

/// A running service.
pub struct RunningService {
    /// Its base URL.
    url: String,
    /// The credential to present.
    token: Token,
    /// What is trusted.
    authorities: Authorities,
}

/// The result of reading a log.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The id of the log.
    pub log_id: LogId,
    /// The end record of a backup that was read completely. Its events must end there.
    pub promised: Option<Chain>,
}

impl Source {
    /// Opens the source that `from` names: a URL, a backup or a data directory; `None` is the service's own
    /// data directory.
    ///
    /// # Errors
    /// When there is no log, or when it cannot be opened.
    pub fn open(context: &Context<'_>, from: Option<&str>) -> anyhow::Result<Self> {
        let source = Self::found(context, from)?;
        if let Some(other) = source.written_by()?.filter(|writer| writer != context.source()) {
            bail!("this is a log of {other}: use `{other} log`");
        }
        Ok(source)
    }

    /// The service that wrote the log, if it is known.
    fn written_by(&self) -> anyhow::Result<Option<String>> {
        Ok(match self {
            Self::Stored(store) => {
                let Some(group) = store.stored_group(Position(1))? else { return Ok(None) };
                let events = group.events()?;
                let first = events.first().and_then(|event| Recorded::parse(event.json).ok());
                first.and_then(|first| Some(first.source.strip_prefix('/')?.split_once('/')?.0.to_owned()))
            }
            // A file that is not a backup is reported when it is read.
            Self::Backup(path) => {
                let backup = BackupReader::open(BufReader::new(File::open(path)?));
                backup.ok().map(|backup| backup.header().source.clone())
            }
            Self::Service(service) => {
                let answer = service.request_log(AFTER_EVERYTHING, Duration::ZERO)?;
                Some(BackupReader::open(answer)?.header().source.clone())
            }
        })
    }

    fn found(context: &Context<'_>, from: Option<&str>) -> anyhow::Result<Self> {
        match from {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                let url = url.trim_end_matches('/').to_owned();
                let authorities = context.authorities.clone();
                Ok(Self::Service(RunningService { url, token: context.token()?, authorities }))
            }
            Some(path) if Path::new(path).is_file() => {
                File::open(path).with_context(|| format!("could not open {path}"))?;
                Ok(Self::Backup(path.into()))
            }
            Some(path) => Self::stored(context, &Place::Directory(path.into())),
            None => Self::stored(context, &context.place),
        }
    }

    pub(crate) fn stored(context: &Context<'_>, place: &Place) -> anyhow::Result<Self> {
        if let Place::Directory(data_dir) = place
            && !data_dir.join("log").is_dir()
        {
            bail!(
                "there is no log in {place}: give a data directory, a backup or the URL of a running service with --from"
            );
        }
        let store = place.open(&context.settings).map_err(|error| {
            let advice = match error.is_in_use() {
                true => " (for a running service use --from http://its-address)",
                false => "",
            };
            anyhow::Error::from(error).context(format!("could not open the log in {place}{advice}"))
        })?;
        Ok(Self::Stored(Box::new(store)))
    }

    /// Whether a log could not be opened because a running service uses it.
    #[must_use]
    pub fn is_in_use(error: &anyhow::Error) -> bool {
        error.downcast_ref().is_some_and(OpenError::is_in_use)
    }

    /// The id of the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log_id(&self) -> anyhow::Result<LogId> {
        Ok(match self {
            Self::Stored(store) => store.log_id(),
            Self::Backup(path) => BackupReader::open(BufReader::new(File::open(path)?))?.header().log_id,
            Self::Service(service) => {
                let answer = service.request_log(AFTER_EVERYTHING, Duration::ZERO)?;
                BackupReader::open(answer)?.header().log_id
            }
        })
    }

    /// Visits every group that contains an event after `after`, until `visit` returns `Break`.
    ///
    /// # Errors
    /// When the log cannot be read to its end, and any error of `visit`.
    pub fn each(
        &self,
        after: Position,
        progress: &Progress,
        mut visit: impl FnMut(&StoredGroup) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<Seen> {
        match self {
            Self::Stored(store) => {
                progress.set_head(store.known_head());
                let mut last = after;
                while let Some(group) = store.stored_group(last.next())? {
                    last = group.last();
                    progress.at(last);
                    if visit(&group)?.is_break() {
                        break;
                    }
                }
                Ok(Seen { log_id: store.log_id(), promised: None })
            }
            Self::Backup(path) => {
                let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
                let named = || format!("could not read {}", path.display());
                read(BufReader::new(file), after, progress, visit).with_context(named)
            }
            Self::Service(service) => {
                let answer = service.request_log(after, Duration::ZERO)?;
                if let Some(head) = head_of(&answer) {
                    progress.set_head(head);
                }
                let named = || format!("could not read the log of {}", service.url);
                read(BufReader::new(answer), after, progress, visit).with_context(named)
            }
        }
    }
}

fn read(
    from: impl Read,
    after: Position,
    progress: &Progress,
    mut visit: impl FnMut(&StoredGroup) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<Seen> {
    let mut backup = BackupReader::open(from)?;
    if backup.header().after > after {
        bail!("it starts after position {}", backup.header().after);
    }
    let log_id = backup.header().log_id;
    while let Some(group) = backup.next_group()? {
        progress.at(group.last());
        if group.last() > after && visit(&group)?.is_break() {
            return Ok(Seen { log_id, promised: None });
        }
    }
    Ok(Seen { log_id, promised: backup.end().cloned().filter(|_| after == Position::START) })
}

impl RunningService {
    /// Requests the groups after `after` from the service at `url`, and waits up to `wait` for one.
    pub(crate) fn request_log(
        &self,
        after: Position,
        wait: Duration,
    ) -> anyhow::Result<reqwest::blocking::Response> {
        // No timeout: a log may be of any size.
        let client = reqwest::blocking::Client::builder()
            .timeout(None)
            .tls_certs_merge(self.authorities.iter())
            .build()?;
        let url = format!("{}{PATH}?after={after}&timeout={}", self.url, wait.as_millis());
        let answer = client
            .get(&url)
            .bearer_auth(self.token.reveal())
            .send()
            .with_context(|| format!("could not reach {url}"))?;
        let status = answer.status();
        if !status.is_success() {
            let advice = match status.as_u16() {
                401 | 403 => {
                    "present a valid credential with the scope operate: name its file with --credential-file"
                        .to_owned()
                }
                404 => "give the base URL of a service, such as http://127.0.0.1:8000".to_owned(),
                _ => answer.text().unwrap_or_default(),
            };
            return Err(Refused { url, status: status.as_u16(), advice }.into());
        }
        Ok(answer)
    }
}

/// A response that refuses the request.
#[derive(Debug, thiserror::Error)]
#[error("{url} responded with {status}: {advice}")]
struct Refused {
    url: String,
    status: u16,
    advice: String,
}

/// Whether the service would refuse the same request again.
pub(crate) fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| (400..500).contains(&refused.status))
}

fn head_of(answer: &reqwest::blocking::Response) -> Option<Position> {
    answer.headers().get(HEAD_POSITION_HEADER)?.to_str().ok()?.parse().ok().map(Position)
}
