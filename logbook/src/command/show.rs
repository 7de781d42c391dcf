//! `log show`: events, one a line.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use events::Position;
use events::recorded::Recorded;
use events::store::Stored;
use events::store::archive::{ArchiveReader, StoredGroup};

use super::From;
use crate::Context;
use crate::source::{Source, ask, is_refused};
use crate::terminal::{Progress, say};

/// How long one request of `--follow` waits.
const FOLLOW_WAIT: Duration = Duration::from_secs(25);

/// How long it takes until a service that is not there is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Options of `log show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    #[command(flatten)]
    from: From,
    /// The event at this position alone
    #[arg(long, conflicts_with_all = ["after", "follow"])]
    position: Option<u64>,
    /// Events after this position
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// At most so many
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// About this, for example reservation/<uuid>
    #[arg(long)]
    subject: Option<String>,
    /// Of this type, whole or a part of it: payment, or meja.payment.completed.v1
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// At or after this time (RFC 3339)
    #[arg(long)]
    since: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339)
    #[arg(long)]
    until: Option<DateTime<Utc>>,
    /// Go on with what happens from now on; needs --from the URL of a running service
    #[arg(long)]
    follow: bool,
}

impl Show {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        if self.position == Some(0) {
            bail!("there is no event at 0: the first one stands at 1");
        }
        let source = Source::open(context, self.from.from.as_deref())?;
        if self.follow && !matches!(source, Source::Service { .. }) {
            bail!("only a running service can be followed: name its URL with --from");
        }
        let (mut last, mut shown) =
            (Position(self.position.map_or(self.after, |at| at.saturating_sub(1))), 0);
        let progress = Progress::begin("looking");
        let seen = source.each(last, &progress, |group| self.print(group, context, &mut last, &mut shown))?;
        drop(progress);
        if let Some(position) = self.position.filter(|_| shown == 0) {
            bail!("there is no such event at {position}");
        }
        let enough = self.position.is_some() || self.limit.is_some_and(|limit| shown >= limit);
        match (&source, self.follow && !enough) {
            (_, false) => Ok(ExitCode::SUCCESS),
            (Source::Service { url, token }, true) => loop {
                let answer = match ask(url, token.as_ref(), last, FOLLOW_WAIT) {
                    Ok(answer) => answer,
                    Err(error) if is_refused(&error) => return Err(error),
                    // A service that is started again is waited for.
                    Err(_) => {
                        std::thread::sleep(AGAIN_AFTER);
                        continue;
                    }
                };
                let mut archive = ArchiveReader::open(answer)?;
                if archive.header().log_id != seen.log_id {
                    bail!("{url} has another log now, {}: begin anew", archive.header().log_id);
                }
                // Cut off by a stop: what was missed is asked for again.
                while let Ok(Some(group)) = archive.next_group() {
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
        // A group may begin before what was asked for.
        let after = *last;
        for event in group.events()?.into_iter().filter(|event| event.position > after) {
            *last = event.position;
            let stored = Stored { position: event.position, json: event.json };
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

    fn line(&self, stored: Stored<'_>, event: &Recorded<'_>, context: &Context<'_>) -> String {
        if self.from.json {
            return String::from_utf8_lossy(stored.json).into_owned();
        }
        let actor = event.cause().actor;
        let what =
            context.dialect.describe(stored).unwrap_or_else(|error| format!("can not be decoded: {error}"));
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
