//! `log export`: writes a log as lines of CloudEvents JSON.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::{EventId, Position, recorded};

use crate::source::Source;
use crate::terminal::{Progress, say};
use crate::{Context, export_line};

/// Options of `log export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// A data directory, a backup, or the URL of a running service [default: the service's own data directory]
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// The file to write or to continue [default: standard output]
    #[arg(long)]
    to: Option<PathBuf>,
    /// Include the confidential payloads: names, addresses, special requests. Without them an import treats
    /// them as forgotten. An export must be continued with the same choice
    #[arg(long, alias = "with-private")]
    with_confidential: bool,
}

/// An existing export file.
struct Begun {
    file: File,
    /// Length of its complete lines, in bytes.
    whole_bytes: u64,
    /// The last event it contains.
    done: Option<EventId>,
}

impl Export {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.as_deref())?;
        let begun = self.to.as_deref().map(|path| {
            resume(path, self.with_confidential)
                .with_context(|| format!("could not continue {}", path.display()))
        });
        let begun = begun.transpose()?;
        let done = begun.as_ref().and_then(|begun| begun.done);
        let mut out: Box<dyn Write> = match &begun {
            None => Box::new(std::io::stdout().lock()),
            Some(begun) => Box::new(BufWriter::new(begun.file.try_clone()?)),
        };
        let progress = Progress::begin("exporting");
        // Read the last exported event again, to verify that the file belongs to this log.
        let after = done.map_or(Position::START, |done| Position(done.position.0 - 1));
        let (mut last, mut written) = (after, 0_u64);
        source.each(after, &progress, |group| {
            let appends = group.appends()?;
            for event in group.events()?.into_iter().filter(|event| event.position > after) {
                last = event.position;
                if let Some(done) = done.filter(|done| done.position == event.position) {
                    if recorded::id_of(event.json) != Some(done) {
                        bail!("the file ends with the event {done}, which is not in this log: choose another file");
                    }
                    continue;
                }
                let append = appends.iter().find(|append| append.first == event.position);
                writeln!(out, "{}", export_line::write(&event, append, self.with_confidential)?)?;
                written += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if done.is_some_and(|done| last < done.position) {
            bail!("the file contains events after {last}, the end of this log: choose another file");
        }
        out.flush()?;
        drop(progress);
        if let (Some(path), Some(mut begun)) = (&self.to, begun) {
            // Remove the rest of a partial line that a crash left. There is a rest only if no events had to be
            // written.
            let end = begun.file.stream_position()?.max(begun.whole_bytes);
            begun.file.set_len(end)?;
            begun.file.sync_all()?;
            say(&format!("{written} events were written to {}, which now ends at {last}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens a file after its last complete line, which holds the last exported event. Changes nothing.
fn resume(path: &Path, with_confidential: bool) -> anyhow::Result<Begun> {
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.create(true).truncate(false).read(true).write(true).open(path)?;
    let (mut whole_bytes, mut line, mut done) = (0, Vec::new(), None);
    let mut reader = BufReader::new(&file);
    while reader.read_until(b'\n', &mut line)? > 0 {
        let whole = line.ends_with(b"\n");
        let id = recorded::id_of(&line);
        if id.is_none() && (whole || !BEGINNING.starts_with(&line[..line.len().min(BEGINNING.len())])) {
            bail!("it is not an export: a line has no event id");
        }
        if whole {
            (whole_bytes, done) = (whole_bytes + line.len() as u64, id);
            let confidential = line.windows(PRIVATE.len()).any(|part| part == PRIVATE);
            if confidential && !with_confidential {
                bail!("it was started with confidential payloads: continue it with --with-confidential");
            }
            if with_confidential && line.windows(LEFT_OUT.len()).any(|part| part == LEFT_OUT) {
                bail!("it was started without confidential payloads: choose another file");
            }
        }
        line.clear();
    }
    file.seek(SeekFrom::Start(whole_bytes))?;
    Ok(Begun { file, whole_bytes, done })
}

/// The start of every line.
const BEGINNING: &[u8] = br#"{"specversion":"1.0","id":""#;

/// Occurs in a line that contains a confidential payload.
const PRIVATE: &[u8] = br#"\"private\":"#;

/// Occurs in a line whose confidential payload was omitted.
const LEFT_OUT: &[u8] = br#"\"private_left_out\":"#;
