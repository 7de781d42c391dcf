//! `log export`: a log as lines of CloudEvents JSON.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::{EventId, Position, recorded};

use crate::source::Source;
use crate::terminal::{Progress, say};
use crate::{Context, line};

/// Options of `log export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// A data directory, a backup, or the URL of a running service; the service's own directory by default
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// The file to write, or to go on with; standard output by default
    #[arg(long)]
    to: Option<PathBuf>,
    /// With the private parts: names, addresses, wishes. Without them they are as if forgotten. The same for
    /// the whole of a file
    #[arg(long)]
    with_private: bool,
}

/// A file that is there already.
struct Begun {
    file: File,
    /// Its whole lines, in bytes.
    whole_bytes: u64,
    /// The last event that it has.
    done: Option<EventId>,
}

impl Export {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.as_deref())?;
        let begun = self.to.as_deref().map(|path| {
            resume(path, self.with_private)
                .with_context(|| format!("could not go on with {}", path.display()))
        });
        let begun = begun.transpose()?;
        let done = begun.as_ref().and_then(|begun| begun.done);
        let mut out: Box<dyn Write> = match &begun {
            None => Box::new(std::io::stdout().lock()),
            Some(begun) => Box::new(BufWriter::new(begun.file.try_clone()?)),
        };
        let progress = Progress::begin("exporting");
        // The last event that is there already is read again, to see that it is of this log.
        let after = done.map_or(Position::START, |done| Position(done.position.0 - 1));
        let (mut last, mut written) = (after, 0_u64);
        source.each(after, &progress, |group| {
            let appends = group.appends()?;
            for event in group.events()?.into_iter().filter(|event| event.position > after) {
                last = event.position;
                if let Some(done) = done.filter(|done| done.position == event.position) {
                    if recorded::id_of(event.json) != Some(done) {
                        bail!("the file ends with {done}, which is not in this log: choose another file");
                    }
                    continue;
                }
                let append = appends.iter().find(|append| append.first == event.position);
                writeln!(out, "{}", line::write(&event, append, self.with_private)?)?;
                written += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if done.is_some_and(|done| last < done.position) {
            bail!("the file goes further than this log, which ends at {last}: choose another file");
        }
        out.flush()?;
        drop(progress);
        if let (Some(path), Some(mut begun)) = (&self.to, begun) {
            // What a crash left half written is longer than what was still to come only if there was
            // nothing to come.
            let end = begun.file.stream_position()?.max(begun.whole_bytes);
            begun.file.set_len(end)?;
            begun.file.sync_all()?;
            say(&format!("{written} events were written to {}, which ends at {last}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens a file behind its last whole line, which is the last event that it has. Changes nothing in it.
fn resume(path: &Path, with_private: bool) -> anyhow::Result<Begun> {
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
            let private = line.windows(PRIVATE.len()).any(|part| part == PRIVATE);
            if private && !with_private {
                bail!("it was begun --with-private: go on with it in the same way");
            }
            if with_private && line.windows(LEFT_OUT.len()).any(|part| part == LEFT_OUT) {
                bail!("it was begun without private parts: choose another file");
            }
        }
        line.clear();
    }
    file.seek(SeekFrom::Start(whole_bytes))?;
    Ok(Begun { file, whole_bytes, done })
}

/// How every line begins.
const BEGINNING: &[u8] = br#"{"specversion":"1.0","id":""#;

/// What a line with a private part has in its text of JSON.
const PRIVATE: &[u8] = br#"\"private\":"#;

/// What a line has whose private part was left out.
const LEFT_OUT: &[u8] = br#"\"private_left_out\":"#;
