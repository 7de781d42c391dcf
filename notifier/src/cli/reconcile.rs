//! `notifier reconcile`: compares payments and bookings in the running service.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use access::secrets::CredentialFile;
use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use contract::notifier::reconciliation::{Difference, Report};
use events::values::Currency;

use crate::adapters::http_client::HttpClient;
use crate::reconciliation::csv;

/// Maximum duration of the request. A provider may have many pages of records.
const RESPONSE_MAX: Duration = Duration::from_secs(300);
/// Exit code for differences.
pub const DISAGREE: u8 = 4;

/// Options of `reconcile`.
#[derive(Debug, clap::Args)]
pub struct Reconcile {
    /// Payments opened since this time, RFC 3339; the last 90 days by default
    #[arg(long)]
    since: Option<DateTime<Utc>>,
    /// Print the differences as CSV
    #[arg(long)]
    csv: bool,
}

impl Reconcile {
    /// Requests a reconciliation from the service at `base_url` and prints it.
    ///
    /// # Errors
    /// When the request fails or the response is not a report.
    pub async fn run(
        &self,
        client: &HttpClient,
        base_url: &str,
        credential: &CredentialFile,
    ) -> anyhow::Result<ExitCode> {
        let advice = "the reconciliation wants a credential: name its file with --credential-file";
        credential.reload().context(advice)?;
        let token = credential.token().context(advice)?;
        let url = format!("{base_url}/api/reconciliation");
        let mut request = client.get(&url).timeout(RESPONSE_MAX).bearer_auth(token.reveal());
        if let Some(since) = self.since {
            request = request.query(&[("since", since.to_rfc3339())]);
        }
        let response = request.send().await.map_err(reqwest::Error::without_url).with_context(|| {
            format!("there is no notifier at {base_url}: start it, or give its address with --listen")
        })?;
        let status = response.status();
        let text = response.text().await.context("the response is incomplete")?;
        if !status.is_success() {
            let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let detail = problem["detail"].as_str().unwrap_or("check that this is the address of a notifier");
            anyhow::bail!("the notifier responded {status}: {detail}");
        }
        let report: Report = serde_json::from_str(&text).context("the response is not a reconciliation")?;
        let shown = if self.csv { csv(&report.differences)? } else { words(&report).into_bytes() };
        std::io::stdout().lock().write_all(&shown).context("could not print")?;
        Ok(if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DISAGREE) })
    }
}

fn words(report: &Report) -> String {
    let Report { provider_payments, journal_payments, log_payments, differences, .. } = report;
    let mut words = format!(
        "since {}: {provider_payments} payments at the providers, {journal_payments} in the effect log, {log_payments} in the log of reservations\n",
        report.since.format("%Y-%m-%d %H:%M UTC")
    );
    for difference in differences {
        line(&mut words, difference);
    }
    words += match differences.len() {
        0 => "payments and bookings agree\n".to_owned(),
        n => format!("{n} difference(s); see docs/operations.md for what to do about each kind\n"),
    }
    .as_str();
    words
}

fn line(words: &mut String, difference: &Difference) {
    let Difference { kind, payment_id, currency, in_motion, .. } = difference;
    let age = TimeDelta::seconds(difference.age_seconds);
    // Writing to a String cannot fail.
    let _ = writeln!(
        words,
        "{kind:20} payment {payment_id}, reservation {}: {} paid/returned at {} {}/{}, effect log {}/{}, log {}/{} (of {} ordered), {} h {} min old{}",
        difference.reservation_id.map_or("unknown".to_owned(), |id| id.to_string()),
        currency.as_ref().map_or("?", Currency::code),
        difference.provider.as_deref().unwrap_or("no provider"),
        difference.provider_paid_minor,
        difference.provider_returned_minor,
        difference.journal_paid_minor,
        difference.journal_returned_minor,
        difference.log_paid_minor,
        difference.log_returned_minor,
        difference.log_to_return_minor,
        age.num_hours(),
        age.num_minutes() % 60,
        if *in_motion { ", effects under way" } else { "" },
    );
}
