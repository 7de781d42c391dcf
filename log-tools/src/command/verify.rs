//! `log verify`: verifies the structure and the content of a log.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use events::Position;
use events::store::place::OpenError;
use events::store::sled::read_witness;
use serde_json::json;

use super::From;
use super::against::Against;
use crate::checkpoints::Comparison;
use crate::conditions::{Conditions, Violation};
use crate::examination::{Examination, Faults};
use crate::source::{Seen, Source};
use crate::terminal::{Progress, say};
use crate::{Context, EXIT_BROKEN};

/// Options of `log verify`.
#[derive(Debug, clap::Args)]
pub struct Verify {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    against: Against,
}

/// The result of verifying a log.
pub(super) struct Findings {
    examined: Examination<Conditions>,
    /// The position in the head witness; the inner `Option` is `None` if there is no witness, the outer one
    /// for a backup or a running service.
    witness: Option<Option<Position>>,
}

impl Findings {
    fn new(against: Option<Comparison>) -> Self {
        let checkpoints = against.into_iter().collect();
        Self { examined: Examination::new(Conditions::default(), checkpoints), witness: None }
    }

    /// The faults that were found; none if the log is valid.
    pub(super) fn faults(&self) -> &Faults {
        &self.examined.faults
    }
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
            Err(error) if error.downcast_ref().is_some_and(OpenError::is_damaged) => {
                let mut findings = Findings::new(None);
                findings.examined.faults.push(format!("{error:#}"));
                return Ok(self.tell(None, &findings));
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
        let Findings { examined, witness } = findings;
        let Examination { chain, counted, checkpoints, faults, .. } = examined;
        let log_id = seen.map(|seen| seen.log_id.to_string());
        if self.from.json {
            let verdict = json!({
                "ok": faults.is_empty(), "log_id": log_id, "events": chain.last().0, "hash": chain.hash_hex(),
                "groups": counted.groups, "appends": counted.appends, "private_parts": counted.private_parts,
                "private_parts_proved": counted.private_proved, "private_parts_forgotten": counted.forgotten,
                "witness": witness.flatten().map(|at| at.0),
                "checkpoint_events": checkpoints.first().map(Comparison::size), "faults": faults.first,
                "faults_count": faults.count,
            });
            say(&verdict.to_string());
        } else {
            say(&format!("log         {}", log_id.unwrap_or_else(|| "?".into())));
            let found = if faults.is_empty() { "without gaps or duplicates" } else { "verified so far" };
            say(&format!("events      {} in {} groups, {found}", chain.last(), counted.groups));
            say(&format!("hash        {}", chain.hash_hex()));
            let found = if faults.is_empty() { "each valid at its position" } else { "checked" };
            say(&format!("conditions  {} appends, {found}", counted.appends));
            say(&format!(
                "payloads    {} confidential, {} match their digest, {} forgotten",
                counted.private_parts, counted.private_proved, counted.forgotten
            ));
            match witness {
                Some(Some(witness)) => {
                    say(&format!("witness     recorded position {witness}, and the log matches it"));
                }
                Some(None) => say("witness     none: it is unknown whether the log once had more events"),
                None => {}
            }
            if let Some(against) = checkpoints.first().filter(|_| faults.is_empty()) {
                say(&format!("checkpoint  {}", against.verdict()));
            }
            for fault in &faults.first {
                say(&format!("FAULT       {fault}"));
            }
            if faults.count > faults.first.len() as u64 {
                say(&format!("            and {} more", faults.count - faults.first.len() as u64));
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
    let mut findings = Findings::new(against);
    let examined = &mut findings.examined;
    let mut broken = None;
    let progress = Progress::begin("verifying");
    let seen = source.each(Position::START, &progress, |group| {
        Ok(match examined.take(group, context.catalogue) {
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
            examined.faults.push(format!("{error:#}"));
            None
        }
    };
    let is_complete = broken.is_none() && seen.is_some();
    examined.faults.extend(broken.map(|broken| broken.to_string()));
    examined.finish(seen.as_ref().map(|seen| seen.log_id), is_complete);
    if let Some(promised) = seen.as_ref().and_then(|seen| seen.promised.as_ref())
        && *promised != examined.chain
    {
        examined.faults.push(format!(
            "its end record names position {} and hash {}, but it ends at {} with {}",
            promised.last(),
            promised.hash_hex(),
            examined.chain.last(),
            examined.chain.hash_hex()
        ));
    }
    match resolve(source, examined) {
        // A fault that prevents the second pass was already reported by the first one.
        Err(_) if !examined.faults.is_empty() => {}
        resolved => resolved?,
    }
    Ok((seen, findings))
}

/// Second pass: examines the events that may violate a condition.
fn resolve(source: &Source, examined: &mut Examination<Conditions>) -> anyhow::Result<()> {
    let Some(first) = examined.conditions.first_suspect() else { return Ok(()) };
    let mut violations: Vec<Violation> = Vec::new();
    let progress = Progress::begin("checking conditions");
    source.each(Position(first.0 - 1), &progress, |group| {
        for event in group.events()? {
            violations.extend(examined.conditions.resolve(&event));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    violations.sort_by_key(|violation| (violation.append, violation.excluded));
    violations.dedup();
    examined.faults.extend(violations.iter().map(Violation::to_string));
    Ok(())
}
