//! `log verify`: verifies the structure and the content of a log.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use events::Position;
use events::recorded::Recorded;
use events::store::EventBytes;
use events::store::groups::{Chain, ChainError, StoredEvent, StoredGroup};
use events::store::sled::{OpenError, read_witness};
use serde_json::json;

use super::From;
use super::against::{Against, Comparison};
use crate::conditions::{Conditions, Violation};
use crate::source::{Seen, Source};
use crate::terminal::{Progress, say};
use crate::{Context, EXIT_BROKEN};

/// Maximum number of faults printed; the others are only counted.
const FAULTS_TOLD_MAX: usize = 20;

/// Options of `log verify`.
#[derive(Debug, clap::Args)]
pub struct Verify {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    against: Against,
}

/// The result of verifying a log.
#[derive(Default)]
pub(super) struct Findings {
    chain: Chain,
    conditions: Conditions,
    groups: u64,
    private_parts: u64,
    /// Confidential payloads that match the digest in their event.
    private_proved: u64,
    forgotten: u64,
    /// The faults that were found; empty if the log is valid.
    pub(super) faults: Vec<String>,
    /// The position in the head witness; the inner `Option` is `None` if there is no witness, the outer one
    /// for a backup or a running service.
    witness: Option<Option<Position>>,
    /// The checkpoint with which the log is compared.
    against: Option<Comparison>,
    /// The `source` named by the events, which must be the same for all.
    said: Option<String>,
}

impl Verify {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        // Read before the log is opened, because opening it writes a new witness.
        let witness = self.witness(context);
        let from = self.from.from.as_deref();
        let against = self.against.open(from.map_or(context.data_dir.as_path(), Path::new))?;
        let source = match Source::open(context, self.from.from.as_deref()) {
            Ok(source) => source,
            // A directory that cannot be opened is a finding, not a failure of this command.
            Err(error) if matches!(error.downcast_ref(), Some(OpenError::Damaged { .. })) => {
                return Ok(
                    self.tell(None, &Findings { faults: vec![format!("{error:#}")], ..Findings::default() })
                );
            }
            Err(error) => return Err(error),
        };
        let (seen, mut findings) = examine(&source, context, against)?;
        findings.witness = witness;
        Ok(self.tell(seen.as_ref(), &findings))
    }

    /// The position in the head witness of the directory. The log opens only if it matches the witness.
    fn witness(&self, context: &Context<'_>) -> Option<Option<Position>> {
        let from = self.from.from.as_deref();
        let data_dir = from.map_or(context.data_dir.as_path(), Path::new);
        let there = data_dir.is_dir().then(|| read_witness(data_dir).ok())??;
        Some(there.map(|there| there.position))
    }

    fn tell(&self, seen: Option<&Seen>, findings: &Findings) -> ExitCode {
        let Findings {
            chain,
            conditions,
            groups,
            private_parts,
            private_proved,
            forgotten,
            faults,
            witness,
            against,
            ..
        } = findings;
        let log_id = seen.map(|seen| seen.log_id.to_string());
        if self.from.json {
            let verdict = json!({
                "ok": faults.is_empty(), "log_id": log_id, "events": chain.last().0, "hash": chain.hash_hex(),
                "groups": groups, "appends": conditions.checked, "private_parts": private_parts,
                "private_parts_proved": private_proved, "private_parts_forgotten": forgotten, "witness": witness.flatten().map(|at| at.0),
                "checkpoint_events": against.as_ref().map(Comparison::size), "faults": faults,
            });
            say(&verdict.to_string());
        } else {
            say(&format!("log         {}", log_id.unwrap_or_else(|| "?".into())));
            let found = if faults.is_empty() { "without gaps or duplicates" } else { "verified so far" };
            say(&format!("events      {} in {groups} groups, {found}", chain.last()));
            say(&format!("hash        {}", chain.hash_hex()));
            let found = if faults.is_empty() { "each valid at its position" } else { "checked" };
            say(&format!("conditions  {} appends, {found}", conditions.checked));
            say(&format!(
                "payloads    {private_parts} confidential, {private_proved} match their digest, {forgotten} forgotten"
            ));
            match witness {
                Some(Some(witness)) => {
                    say(&format!("witness     recorded position {witness}, and the log matches it"));
                }
                Some(None) => say("witness     none: it is unknown whether the log once had more events"),
                None => {}
            }
            if let Some(against) = against.as_ref().filter(|_| faults.is_empty()) {
                say(&format!("checkpoint  {}", against.verdict()));
            }
            for fault in faults.iter().take(FAULTS_TOLD_MAX) {
                say(&format!("FAULT       {fault}"));
            }
            if faults.len() > FAULTS_TOLD_MAX {
                say(&format!("            and {} more", faults.len() - FAULTS_TOLD_MAX));
            }
            say(if faults.is_empty() {
                "The log is valid."
            } else {
                "The log cannot be trusted. Keep a copy of it as it is, then restore the latest backup with `log restore`."
            });
        }
        if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_BROKEN) }
    }
}

/// Verifies a log from end to end.
///
/// # Errors
/// When a service does not respond, because then nothing is known about its log.
pub(super) fn examine(
    source: &Source,
    context: &Context<'_>,
    against: Option<Comparison>,
) -> anyhow::Result<(Option<Seen>, Findings)> {
    let mut findings = Findings { against, ..Findings::default() };
    let mut broken = None;
    let progress = Progress::begin("verifying");
    let seen = source.each(Position::START, &progress, |group| {
        Ok(match findings.take(group, context) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        })
    });
    drop(progress);
    let seen = match seen {
        Ok(seen) => Some(seen),
        // If the service does not respond, nothing is known about its log.
        Err(error) if matches!(source, Source::Service(_)) => return Err(error),
        Err(error) => {
            findings.faults.push(format!("{error:#}"));
            None
        }
    };
    findings.faults.extend(broken.map(|broken| broken.to_string()));
    findings.faults.extend(findings.against.as_ref().and_then(Comparison::fault));
    if let Some(promised) = seen.as_ref().and_then(|seen| seen.promised.as_ref())
        && *promised != findings.chain
    {
        findings.faults.push(format!(
            "its end record names position {} and hash {}, but it ends at {} with {}",
            promised.last(),
            promised.hash_hex(),
            findings.chain.last(),
            findings.chain.hash_hex()
        ));
    }
    if let (Some(seen), Some(said)) = (&seen, &findings.said)
        && !said.ends_with(&seen.log_id.to_string())
    {
        findings.faults.push(format!("its header names the log {}, but its events name {said}", seen.log_id));
    }
    match resolve(source, &mut findings) {
        // A fault that prevents the second pass was already reported by the first one.
        Err(_) if !findings.faults.is_empty() => {}
        resolved => resolved?,
    }
    Ok((seen, findings))
}

/// Second pass: examines the events that may violate a condition.
fn resolve(source: &Source, findings: &mut Findings) -> anyhow::Result<()> {
    let Some(first) = findings.conditions.first_suspect() else { return Ok(()) };
    let mut violations: Vec<Violation> = Vec::new();
    let progress = Progress::begin("checking conditions");
    source.each(Position(first.0 - 1), &progress, |group| {
        for event in group.events()? {
            violations.extend(findings.conditions.resolve(&event));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    violations.sort_by_key(|violation| (violation.append, violation.excluded));
    violations.dedup();
    findings.faults.extend(violations.iter().map(|v| {
        format!("the condition of the append at {} is violated by the event at {}", v.append, v.excluded)
    }));
    Ok(())
}

impl Findings {
    fn take(&mut self, group: &StoredGroup, context: &Context<'_>) -> Result<(), ChainError> {
        self.chain.link(group)?;
        self.groups += 1;
        let mut events = group.events()?.into_iter().peekable();
        for append in group.appends()? {
            self.conditions.check(&append);
            if append.condition.after >= append.first {
                let after = append.condition.after;
                self.faults.push(format!(
                    "the append at {} has a condition after the later position {after}",
                    append.first
                ));
            }
            while let Some(event) = events.next_if(|event| event.position <= append.last) {
                self.conditions.add(&event);
                self.look_at(&event, context);
            }
        }
        Ok(())
    }

    fn look_at(&mut self, event: &StoredEvent<'_>, context: &Context<'_>) {
        let stored = EventBytes { position: event.position, json: event.json };
        if let Some(against) = &mut self.against {
            against.add(event.json);
        }
        if let Err(error) = context.catalogue.describe(stored) {
            self.faults.push(format!("the event at {} cannot be decoded: {error}", event.position));
        }
        if let Ok(recorded) = Recorded::parse(event.json)
            && (recorded.id.position != event.position || recorded.event_type != event.event_type)
        {
            let (id, filed) = (recorded.id, event.event_type);
            self.faults.push(format!("position {} holds the event {id}, indexed as {filed}", event.position));
        }
        if let Ok(recorded) = Recorded::parse(event.json)
            && *self.said.get_or_insert_with(|| recorded.source.to_string()) != recorded.source
        {
            self.faults.push(format!("the event at {} names the source {}", event.position, recorded.source));
        }
        self.private_parts += u64::from(event.confidential.is_some());
        match (context.catalogue.confidential_digest(stored), &event.confidential) {
            (Some(digest), Some(part)) if digest.matches(part) => self.private_proved += 1,
            (Some(_), Some(_)) => self.faults.push(format!(
                "the confidential payload of {} does not match the digest in its event",
                event.position
            )),
            (Some(_), None) => self.forgotten += 1,
            (None, _) => {}
        }
    }
}
