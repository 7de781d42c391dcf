//! `log stats`: what a log contains, and how much space it takes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;

use chrono::NaiveDate;
use events::Position;
use events::recorded::Recorded;
use events::store::groups::StoredGroup;
use serde_json::json;

use super::From;
use crate::Context;
use crate::source::Source;
use crate::terminal::{Progress, bar, say, size};

/// Maximum number of days in the chart; the latest ones are shown.
const DAYS_SHOWN_MAX: usize = 14;

const BAR_WIDTH: u64 = 40;

/// Options of `log stats`.
#[derive(Debug, clap::Args)]
pub struct Stats {
    #[command(flatten)]
    from: From,
}

#[derive(Default)]
struct Counts {
    events: u64,
    groups: u64,
    appends: u64,
    json_bytes: u64,
    plain_bytes: u64,
    stored_bytes: u64,
    payloads: u64,
    payload_bytes: u64,
    types: BTreeMap<String, u64>,
    days: BTreeMap<NaiveDate, u64>,
}

impl Stats {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.from.as_deref())?;
        let (mut counts, progress) = (Counts::default(), Progress::begin("counting"));
        let seen = source.each(Position::START, &progress, |group| {
            counts.take(group)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(progress);
        if self.from.json {
            let Counts {
                events,
                groups,
                appends,
                json_bytes,
                stored_bytes,
                payloads,
                payload_bytes,
                types,
                days,
                ..
            } = &counts;
            let stats = json!({
                "log_id": seen.log_id, "events": events, "appends": appends, "groups": groups,
                "json_bytes": json_bytes, "stored_bytes": stored_bytes, "private_parts": payloads,
                "private_stored_bytes": payload_bytes, "by_type": types, "by_day": days,
            });
            say(&stats.to_string());
        } else {
            counts.print(&seen.log_id.to_string());
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Counts {
    fn take(&mut self, group: &StoredGroup) -> anyhow::Result<()> {
        self.groups += 1;
        self.appends += group.appends()?.len() as u64;
        self.plain_bytes += group.plain_bytes() as u64;
        self.stored_bytes += group.value().len() as u64;
        self.payload_bytes += group.payloads_value().len() as u64;
        for event in group.events()? {
            let recorded = Recorded::parse(event.json)?;
            self.events += 1;
            self.json_bytes += event.json.len() as u64;
            self.payloads += u64::from(event.confidential.is_some());
            *self.types.entry(recorded.event_type.into_owned()).or_default() += 1;
            *self.days.entry(recorded.time.date_naive()).or_default() += 1;
        }
        Ok(())
    }

    fn print(&self, log_id: &str) {
        let each = |whole: u64, parts: u64| whole as f64 / parts.max(1) as f64;
        say(&format!("log           {log_id}"));
        say(&format!(
            "events        {} in {} appends and {} groups ({:.1} events per group)",
            self.events,
            self.appends,
            self.groups,
            each(self.events, self.groups)
        ));
        say(&format!(
            "JSON          {} ({:.0} bytes per event), with tags and conditions {}, packed {} ({:.0} bytes per event)",
            size(self.json_bytes),
            each(self.json_bytes, self.events),
            size(self.plain_bytes),
            size(self.stored_bytes),
            each(self.stored_bytes, self.events)
        ));
        say(&format!("confidential  {} payloads, packed {}", self.payloads, size(self.payload_bytes)));
        let mut types: Vec<_> = self.types.iter().collect();
        types.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        let most = types.first().map_or(0, |(_, count)| **count);
        say("\nby type");
        for (name, count) in types {
            say(&format!("{name:>40} {count:>10} {}", bar(*count, most, BAR_WIDTH)));
        }
        let skipped = self.days.len().saturating_sub(DAYS_SHOWN_MAX);
        let days: Vec<_> = self.days.iter().skip(skipped).collect();
        let most = days.iter().map(|(_, count)| **count).max().unwrap_or(0);
        say(&format!(
            "\nby day (UTC){}",
            if skipped > 0 { format!(", the last {DAYS_SHOWN_MAX} with events") } else { String::new() }
        ));
        for (day, count) in days {
            say(&format!("{day:>40} {count:>10} {}", bar(*count, most, BAR_WIDTH)));
        }
    }
}
