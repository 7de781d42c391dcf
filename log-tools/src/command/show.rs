//! `log show`: prints events, one per line.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use events::Position;
use events::recorded::Recorded;
use events::store::EventBytes;
use events::store::backup::BackupReader;
use events::store::groups::StoredGroup;

use super::From;
use crate::Context;
use crate::source::{Source, ask, is_refused};
use crate::terminal::{Progress, say};

/// Maximum time that one request of `--follow` waits for events.
const FOLLOW_WAIT: Duration = Duration::from_secs(25);

/// Pause before an unreachable service is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Options of `log show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    #[command(flatten)]
    from: From,
    /// Only the event at this position
    #[arg(long, conflicts_with_all = ["after", "follow"])]
    position: Option<u64>,
    /// Only events after this position
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// Maximum number of events
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only events with this subject, for example reservation/<uuid>
    #[arg(long)]
    subject: Option<String>,
    /// Only events whose type contains this text, for example payment
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only events at or after this time (RFC 3339)
    #[arg(long)]
    since: Option<DateTime<Utc>>,
    /// Only events before this time (RFC 3339)
    #[arg(long)]
    until: Option<DateTime<Utc>>,
    /// Keep printing new events; needs --from the URL of a running service
    #[arg(long)]
    follow: bool,
}

impl Show {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        if self.position == Some(0) {
            bail!("there is no event at position 0: the first position is 1");
        }
        let source = Source::open(context, self.from.from.as_deref())?;
        if self.follow && !matches!(source, Source::Service { .. }) {
            bail!("only a running service can be followed: give its URL with --from");
        }
        let (mut last, mut shown) =
            (Position(self.position.map_or(self.after, |at| at.saturating_sub(1))), 0);
        let progress = Progress::begin("reading");
        let seen = source.each(last, &progress, |group| self.print(group, context, &mut last, &mut shown))?;
        drop(progress);
        if let Some(position) = self.position.filter(|_| shown == 0) {
            bail!("there is no matching event at position {position}");
        }
        let enough = self.position.is_some() || self.limit.is_some_and(|limit| shown >= limit);
        match (&source, self.follow && !enough) {
            (_, false) => Ok(ExitCode::SUCCESS),
            (Source::Service { url, token }, true) => loop {
                let answer = match ask(url, token.as_ref(), last, FOLLOW_WAIT) {
                    Ok(answer) => answer,
                    Err(error) if is_refused(&error) => return Err(error),
                    // Wait for a service that is being restarted.
                    Err(_) => {
                        std::thread::sleep(AGAIN_AFTER);
                        continue;
                    }
                };
                let mut backup = BackupReader::open(answer)?;
                if backup.header().log_id != seen.log_id {
                    bail!("{url} now serves another log, {}: start again", backup.header().log_id);
                }
                // A stream truncated by a shutdown is resumed by the next request.
                while let Ok(Some(group)) = backup.next_group() {
                    if self.print(&group, context, &mut last, &mut shown)?.is_break() {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
            },
            _ => Ok(ExitCode::SUCCESS),
        }
    }

    fn print(
        &self,
        group: &StoredGroup,
        context: &Context<'_>,
        last: &mut Position,
        shown: &mut u64,
    ) -> anyhow::Result<ControlFlow<()>> {
        // A group may start before the requested position.
        let after = *last;
        for event in group.events()?.into_iter().filter(|event| event.position > after) {
            *last = event.position;
            let stored = EventBytes { position: event.position, json: event.json };
            let recorded = Recorded::parse(event.json)?;
            if self.takes(&recorded) {
                *shown += 1;
                say(&self.line(stored, &recorded, context));
            }
            if self.position.is_some() || self.limit.is_some_and(|limit| *shown >= limit) {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn takes(&self, event: &Recorded<'_>) -> bool {
        self.subject.as_ref().is_none_or(|subject| event.subject == *subject)
            && self.event_type.as_ref().is_none_or(|part| event.event_type.contains(part.as_str()))
            && self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
    }

    fn line(&self, stored: EventBytes<'_>, event: &Recorded<'_>, context: &Context<'_>) -> String {
        if self.from.json {
            return String::from_utf8_lossy(stored.json).into_owned();
        }
        let actor = event.metadata().actor;
        let what =
            context.catalogue.describe(stored).unwrap_or_else(|error| format!("cannot be decoded: {error}"));
        format!(
            "{:>8}  {}  {:<36}  {}  {}  [{}]",
            stored.position,
            event.time.format("%F %T%.3f"),
            event.event_type,
            event.subject,
            what,
            actor.id.unwrap_or_else(|| actor.kind.word().to_owned()),
        )
    }
}
