//! `log export`: a log as lines of CloudEvents JSON.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::{EventId, Position, recorded};

use super::From;
use crate::source::Source;
use crate::terminal::{Progress, say};
use crate::{Context, line};

/// Options of `log export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    from: From,
    /// The file to write, or to go on with; standard output by default
    #[arg(long)]
    to: Option<PathBuf>,
    /// With the private parts: names, addresses, wishes. Without them they are as if forgotten
    #[arg(long)]
    with_private: bool,
}

impl Export {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.from.as_deref())?;
        let (mut out, done): (Box<dyn Write>, Option<EventId>) = match &self.to {
            None => (Box::new(std::io::stdout().lock()), None),
            Some(path) => {
                let (file, done) =
                    resume(path).with_context(|| format!("could not go on with {}", path.display()))?;
                (Box::new(BufWriter::new(file)), done)
            }
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
        if let Some(path) = &self.to {
            File::open(path)?.sync_all()?;
            say(&format!("{written} events were written to {}, which ends at {last}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens a file behind its last whole line, which is the last event that it has.
fn resume(path: &Path) -> anyhow::Result<(File, Option<EventId>)> {
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
    let (mut whole_bytes, mut line, mut done) = (0, Vec::new(), None);
    let mut reader = BufReader::new(&file);
    while reader.read_until(b'\n', &mut line)? > 0 {
        // What a crash left half written is written again.
        if line.ends_with(b"\n") {
            whole_bytes += line.len() as u64;
            done = Some(recorded::id_of(&line).context("it is not an export: a line has no event id")?);
        }
        line.clear();
    }
    file.set_len(whole_bytes)?;
    file.seek(SeekFrom::Start(whole_bytes))?;
    Ok((file, done))
}
