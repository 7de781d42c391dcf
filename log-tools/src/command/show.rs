//! `log show`: prints events, one per line.

use std::io;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use events::recorded::Recorded;
use events::store::EventBytes;
use events::store::backup::BackupReader;
use events::store::groups::StoredGroup;
use events::{LogId, Position};

use super::From;
use crate::Context;
use crate::source::{Source, is_refused};
use crate::terminal::{Progress, say};

/// Maximum time that one request of `--follow` waits for events.
const FOLLOW_WAIT: Duration = Duration::from_secs(25);

/// Pause before the next request after a failed one.
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
    /// Keep printing new events. Requires --from with the URL of a running service
    #[arg(long)]
    follow: bool,
}

/// How far the log has been printed.
struct Printed {
    /// Position of the last event that was read.
    last: Position,
    /// Number of events that were printed.
    count: u64,
}

impl Show {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        if self.position == Some(0) {
            bail!("there is no event at position 0: the first position is 1");
        }
        let source = Source::open(context, self.from.from.as_deref())?;
        if self.follow && !matches!(source, Source::Service(_)) {
            bail!("--follow requires a running service: give the URL of the service with --from");
        }
        let last = Position(self.position.map_or(self.after, |at| at.saturating_sub(1)));
        let mut printed = Printed { last, count: 0 };
        let progress = Progress::begin("reading");
        let seen = source.each(last, &progress, |group| self.print(group, context, &mut printed))?;
        drop(progress);
        if let Some(position) = self.position.filter(|_| printed.count == 0) {
            bail!("there is no matching event at position {position}");
        }
        let complete = self.position.is_some() || self.limit.is_some_and(|limit| printed.count >= limit);
        if let (Source::Service(service), true) = (&source, self.follow && !complete) {
            let request = |after| service.request_log(after, FOLLOW_WAIT);
            while self.print_new(&request, seen.log_id, context, &mut printed)?.is_continue() {}
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Requests the events after the last printed one and prints them. Returns after the response, or after
    /// a pause if the service could not be reached or the response was interrupted: it may be restarting.
    fn print_new(
        &self,
        request: &impl Fn(Position) -> anyhow::Result<reqwest::blocking::Response>,
        log_id: LogId,
        context: &Context<'_>,
        printed: &mut Printed,
    ) -> anyhow::Result<ControlFlow<()>> {
        let again = || {
            std::thread::sleep(AGAIN_AFTER);
            Ok(ControlFlow::Continue(()))
        };
        let response = match request(printed.last) {
            Ok(response) => response,
            Err(error) if is_refused(&error) => return Err(error),
            Err(_) => return again(),
        };
        let mut backup = match BackupReader::open(response) {
            Ok(backup) => backup,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error.into()),
            Err(_) => return again(),
        };
        if backup.header().log_id != log_id {
            bail!(
                "the service now serves a different log ({}): run the command again to show it",
                backup.header().log_id
            );
        }
        loop {
            match backup.next_group() {
                Ok(Some(group)) if self.print(&group, context, printed)?.is_break() => {
                    return Ok(ControlFlow::Break(()));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(ControlFlow::Continue(())),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error.into()),
                Err(_) => return again(),
            }
        }
    }

    fn print(
        &self,
        group: &StoredGroup,
        context: &Context<'_>,
        printed: &mut Printed,
    ) -> anyhow::Result<ControlFlow<()>> {
        // A group may start before the requested position.
        let after = printed.last;
        for event in group.events()?.into_iter().filter(|event| event.position > after) {
            printed.last = event.position;
            let stored = EventBytes { position: event.position, json: event.json };
            let recorded = Recorded::parse(event.json)?;
            if self.selects(&recorded) {
                printed.count += 1;
                say(&self.line(stored, &recorded, context));
            }
            if self.position.is_some() || self.limit.is_some_and(|limit| printed.count >= limit) {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn selects(&self, event: &Recorded<'_>) -> bool {
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
        let what = context
            .catalogue
            .describe(stored)
            .unwrap_or_else(|error| format!("this event cannot be decoded: {error}"));
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
