//! `log import`: creates a log from the lines of an export.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use events::recorded::Recorded;
use events::store::groups::GroupDraft;
use events::store::load::{BulkLoad, Usage};
use events::store::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, EVENT_BYTES_MAX};
use events::{EventId, LogId, Position, Tag, recorded};

use crate::Context;
use serde_json::json;

use crate::export_line::{self, EventExtras};
use crate::store_args::destination;
use crate::terminal::{Progress, say};

/// Options of `log import`.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The export to read
    file: PathBuf,
    /// The data directory or the URL of the database in which the log is created, or the place of an interrupted import
    #[arg(long, value_name = "WHERE")]
    into: String,
    /// File with the password for that database
    #[arg(long, value_name = "FILE")]
    into_password_file: Option<PathBuf>,
    /// Give the log a new id, for a copy that must not be mistaken for the original
    #[arg(long)]
    new_log_id: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One line of the export.
struct Line {
    json: String,
    id: EventId,
    kept: EventExtras,
}

impl Import {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let lines = Lines::open(&self.file)?;
        let original = first_log_id(&self.file, context.source())?;
        let log_id = (!self.new_log_id).then_some(original);
        let into = destination(&self.into, self.into_password_file.as_deref(), &context.authorities);
        let into = into.map_err(|fault| anyhow::anyhow!("--into {}: {fault}", self.into))?;
        let mut loader = into.loader(&context.settings, log_id)?;
        if log_id.is_some_and(|wanted| wanted != loader.log_id()) {
            bail!("{into} holds the log {}, not {original}: choose another place", loader.log_id());
        }
        if self.new_log_id && loader.log_id() == original {
            bail!("{into} already holds the original log: choose another place");
        }
        if loader.usage() != Usage::None && loader.chain().last() > Position::START {
            bail!("{into} holds a log that services use, or that was moved away: choose an empty place");
        }
        let rename = Rename::new(context.source(), original, loader.log_id());
        let (there, progress) = (loader.chain().last(), Progress::begin("importing"));
        let mut parts = Parts::default();
        let mut lines = lines.peekable();
        while let Some(first) = lines.next().transpose()? {
            if first.id.position <= there {
                check_known(&mut *loader, &first, &mut parts)?;
                continue;
            }
            let group = group(&*loader, first, &mut lines, &rename, &mut parts)?;
            progress.at(group.last());
            loader.push(&group)?;
        }
        drop(progress);
        let (log_id, chain) = (loader.log_id(), loader.finish()?);
        if self.json {
            let imported = chain.last().0 - there.0;
            let told = json!({"log_id": log_id, "events": chain.last().0, "imported": imported, "hash": chain.hash_hex()});
            say(&told.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        if parts.without {
            say("The export has no confidential payloads: names and addresses count as forgotten.");
        }
        say(&format!(
            "{} events were imported into {into}, which now has {} (log {log_id}, hash {})",
            chain.last().0 - there.0,
            chain.last(),
            chain.hash_hex()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Verifies that an event which already exists equals the one in the export.
fn check_known(loader: &mut dyn BulkLoad, line: &Line, parts: &mut Parts) -> anyhow::Result<()> {
    let position = line.id.position;
    let group = loader
        .group(position)?
        .with_context(|| format!("the event at {position} is missing from the log"))?;
    let events = group.events()?;
    let known = events.iter().find(|event| event.position == position).and_then(|e| recorded::id_of(e.json));
    if known != Some(line.id) {
        bail!("the log and the export have different events at {position}: choose an empty place");
    }
    // Events imported earlier count as well.
    parts.with |= events.iter().any(|event| event.position == position && event.confidential.is_some());
    parts.note(&line.kept)
}

/// Which lines carry their confidential payloads. A mixture is refused, because guests would be forgotten
/// unnoticed.
#[derive(Default)]
struct Parts {
    with: bool,
    without: bool,
}

impl Parts {
    fn note(&mut self, kept: &EventExtras) -> anyhow::Result<()> {
        self.with |= kept.confidential.is_some();
        self.without |= kept.payload_omitted;
        if self.with && self.without {
            bail!(
                "some confidential payloads are included and others were omitted: import an export with all or none of them"
            );
        }
        Ok(())
    }
}

/// Builds the next group from as many complete appends as fit.
fn group(
    loader: &dyn BulkLoad,
    first: Line,
    lines: &mut std::iter::Peekable<Lines>,
    rename: &Rename,
    parts: &mut Parts,
) -> anyhow::Result<events::store::groups::StoredGroup> {
    let mut draft = GroupDraft::after(loader.chain().clone());
    let (mut events, mut bytes, mut next) = (0, 0, Some(first));
    while let Some(line) = next.take() {
        let append = line.kept.append.clone();
        let append = append.with_context(|| format!("line {}: no append starts here", line.id.position))?;
        if !(1..=APPEND_EVENTS_MAX as u64).contains(&append.events) {
            bail!(
                "line {}: an append of {} events is not possible: 1 to {APPEND_EVENTS_MAX} are allowed",
                line.id.position,
                append.events
            );
        }
        let mut line = Some(line);
        for _ in 0..append.events {
            let line = match line.take() {
                Some(line) => line,
                None => {
                    lines.next().transpose()?.context("the export ends within an append: it is truncated")?
                }
            };
            if line.id.position != draft.next() {
                bail!("found the event {} where position {} was expected", line.id, draft.next());
            }
            parts.note(&line.kept)?;
            let json = rename.apply(&line.json);
            if json.len() > EVENT_BYTES_MAX {
                bail!(
                    "the event {} has {} bytes: at most {EVENT_BYTES_MAX} are allowed",
                    line.id,
                    json.len()
                );
            }
            let tags: Vec<_> = line.kept.tags.iter().map(|tag| Tag::from_stored(tag)).collect();
            let forgets: Vec<_> = line.kept.forgets.iter().copied().map(Position).collect();
            let confidential = line.kept.confidential()?;
            bytes += json.len() + confidential.as_ref().map_or(0, |part| part.len());
            if bytes > 2 * APPEND_BYTES_MAX {
                bail!("the append that contains {} is too large for a group", line.id);
            }
            let recorded = Recorded::parse(json.as_bytes())?;
            draft.push(json.as_bytes(), &recorded.event_type, &tags, &forgets, confidential);
            events += 1;
        }
        draft.close_append(&append.condition());
        let room = |line: &Line| {
            let wanted = line.kept.append.as_ref().map_or(0, |append| append.events);
            events + wanted <= APPEND_EVENTS_MAX as u64 && bytes + line.json.len() < APPEND_BYTES_MAX / 2
        };
        next = lines.next_if(|line| line.as_ref().is_ok_and(room)).transpose()?;
    }
    draft.finish().context("the events of an append do not fit into a group")
}

/// The lines of an export, in order.
struct Lines {
    lines: std::io::Lines<BufReader<File>>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
        Ok(Self { lines: BufReader::new(file).lines(), number: 0 })
    }
}

impl Iterator for Lines {
    type Item = anyhow::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.lines.next()?;
        self.number += 1;
        let number = self.number;
        let read = || {
            let (json, kept) = export_line::read(&text?)?;
            let id = recorded::id_of(json.as_bytes()).context("it has no event id")?;
            if id.position.0 != number {
                bail!("it holds position {}: the export must be complete and in order", id.position);
            }
            Ok(Line { json, id, kept })
        };
        Some(read().with_context(|| format!("line {number} of the export cannot be used")))
    }
}

fn first_log_id(path: &Path, source: &str) -> anyhow::Result<LogId> {
    let first = Lines::open(path)?.next().context("the export is empty")??;
    let recorded = Recorded::parse(first.json.as_bytes())?;
    let id = recorded.source.strip_prefix(&format!("/{source}/")).and_then(|id| id.parse().ok());
    id.with_context(|| {
        format!("the events have the source {:?}, so this is not a log of {source}", recorded.source)
    })
}

/// Replaces the log id in the `source` of events.
struct Rename {
    from: String,
    to: String,
}

impl Rename {
    fn new(source: &str, from: LogId, to: LogId) -> Self {
        let member = |id| format!("\"source\":\"/{source}/{id}\"");
        Self { from: member(from), to: member(to) }
    }

    fn apply(&self, json: &str) -> String {
        json.replacen(&self.from, &self.to, 1)
    }
}
