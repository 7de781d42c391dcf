//! A simulated payment provider. On its checkout page, which is part of this service, a person pays or refuses, unless
//! the simulated guest decides. Like a real provider it has its own records, one JSON object per line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::environment::{Environment, SharedEnvironment};
use chrono::{DateTime, TimeDelta, Utc};
use events::PaymentId;
use events::values::Money;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use standardwebhooks::Webhook;
use subtle::ConstantTimeEq as _;

use crate::ports::ProviderError;
use crate::ports::payment::{
    Checkout, LedgerEntry, OpenedPayment, PaymentOrder, PaymentProvider, ProviderStatus, RefundOrder,
};

/// The simulated provider.
pub struct Simulated {
    public_url: String,
    env: SharedEnvironment,
    /// Signs its webhooks, as real providers do.
    webhook: Webhook,
    books: Mutex<Books>,
}

/// The name of the file with the secret of its webhooks, in the data directory.
const SECRET_FILE: &str = "simulated-provider.key";
/// The name of the file with its records.
const RECORDS_FILE: &str = "simulated-provider.jsonl";
/// What the secret begins with: Standard Webhooks.
const SECRET_PREFIX: &str = "whsec_";

/// Maximum age of a webhook, in seconds.
const WEBHOOK_SECONDS_MAX: i64 = 300;

/// One line of the records.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    at: DateTime<Utc>,
    reference: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum What {
    Opened { payment_id: PaymentId, amount: Money },
    Paid,
    Refused,
    Closed,
    Refunded { key: String, name: String, amount_minor: i64 },
}

struct Account {
    payment_id: PaymentId,
    at: DateTime<Utc>,
    amount: Money,
    status: ProviderStatus,
    refunds: HashMap<String, (String, i64)>,
}

#[derive(Default)]
struct Books {
    file: Option<File>,
    accounts: HashMap<String, Account>,
    references: HashMap<PaymentId, String>,
}

impl Books {
    fn apply(&mut self, line: &Line) {
        if let What::Opened { payment_id, amount } = line.what {
            let (at, status, refunds) = (line.at, ProviderStatus::Open, HashMap::new());
            self.references.insert(payment_id, line.reference.clone());
            self.accounts.insert(line.reference.clone(), Account { payment_id, at, amount, status, refunds });
            return;
        }
        let Some(account) = self.accounts.get_mut(&line.reference) else { return };
        match &line.what {
            What::Opened { .. } => {}
            What::Paid => account.status = ProviderStatus::Paid(account.amount),
            What::Refused => account.status = ProviderStatus::Refused,
            What::Closed => account.status = ProviderStatus::Closed,
            What::Refunded { key, name, amount_minor } => {
                account.refunds.insert(key.clone(), (name.clone(), *amount_minor));
            }
        }
    }

    /// Lines are written one at a time. After a kill a line exists or does not.
    fn write(&mut self, line: Line) -> Result<(), ProviderError> {
        if let Some(file) = &mut self.file {
            let failed = |error: std::io::Error| {
                ProviderError::Transient(format!(
                    "the records of the simulated provider cannot be written: {error}"
                ))
            };
            let mut text = serde_json::to_vec(&line).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
            let written = file.write_all(&text).and_then(|()| file.sync_data());
            if let Err(error) = written {
                // An incomplete line must not be joined with the next one.
                let _ = file.write_all(b"\n");
                return Err(failed(error));
            }
        }
        self.apply(&line);
        Ok(())
    }
}

impl Simulated {
    /// A provider with checkout pages below `public_url`, whose records are in memory. `webhook` signs its webhooks.
    #[must_use]
    pub fn new(public_url: String, env: SharedEnvironment, webhook: Webhook) -> Self {
        Self { public_url, env, webhook, books: Mutex::default() }
    }

    /// A provider with checkout pages below `public_url`, and with its records and the secret of its webhooks in the
    /// directory `dir`, which are created if they do not exist.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(public_url: String, env: SharedEnvironment, dir: &Path) -> std::io::Result<Self> {
        let webhook = webhook(&dir.join(SECRET_FILE), env.as_ref())?;
        let file = File::options().create(true).read(true).append(true).open(dir.join(RECORDS_FILE))?;
        let mut books = Books::default();
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            // An incomplete last line was never acknowledged.
            match serde_json::from_str(&line) {
                Ok(line) => books.apply(&line),
                Err(_) if line.ends_with('\n') => {}
                Err(_) => (&file).write_all(b"\n")?,
            }
            line.clear();
        }
        books.file = Some(file);
        Ok(Self { books: Mutex::new(books), ..Self::new(public_url, env, webhook) })
    }

    /// Checks the signature of a webhook with this `body`, as Standard Webhooks defines it.
    ///
    /// # Errors
    /// [`SimulatedWebhookError`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), SimulatedWebhookError> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let sent = text("webhook-timestamp").and_then(|text| text.parse::<i64>().ok());
        let named = text("webhook-id").zip(sent).zip(text("webhook-signature"));
        let ((id, sent), signatures) = named.ok_or(SimulatedWebhookError::NoSignature)?;
        let expected = self.webhook.sign(id, sent, body).map_err(|_| SimulatedWebhookError::Forged)?;
        let fits = |signature: &str| bool::from(signature.as_bytes().ct_eq(expected.as_bytes()));
        if !signatures.split(' ').any(fits) {
            return Err(SimulatedWebhookError::Forged);
        }
        let age = self.env.now().timestamp().saturating_sub(sent).saturating_abs();
        if age > WEBHOOK_SECONDS_MAX { Err(SimulatedWebhookError::OutOfTime) } else { Ok(()) }
    }

    /// A new reference. It does not follow from the payment id, because it suffices to pay.
    fn open_now(&self, order: &PaymentOrder) -> Result<OpenedPayment, ProviderError> {
        let mut books = self.books.lock();
        let reference = match books.references.get(&order.payment_id) {
            Some(reference) => reference.clone(),
            None => {
                // Random, unlike ids of version 7, which contain their time.
                let reference = format!("sim_{}", self.env.random_id().simple());
                let what = What::Opened { payment_id: order.payment_id, amount: order.amount };
                books.write(Line { at: self.env.now(), reference: reference.clone(), what })?;
                reference
            }
        };
        Ok(self.opened(reference))
    }

    fn opened(&self, reference: String) -> OpenedPayment {
        let url = format!("{}/checkout/{reference}", self.public_url);
        OpenedPayment { reference, url }
    }

    /// Changes an open payment to the decided status. An earlier decision stands.
    fn decide(&self, reference: &str, what: What) -> Result<ProviderStatus, ProviderError> {
        let mut books = self.books.lock();
        if books.account(reference)?.status == ProviderStatus::Open {
            books.write(Line { at: self.env.now(), reference: reference.to_owned(), what })?;
        }
        Ok(books.account(reference)?.status)
    }

    /// Lets the guest pay or refuse. Returns the status of the payment; the first decision stands.
    ///
    /// # Errors
    /// [`ProviderError`] when the payment does not exist, or the decision cannot be recorded.
    pub fn choose(&self, reference: &str, pays: bool) -> Result<ProviderStatus, ProviderError> {
        self.decide(reference, if pays { What::Paid } else { What::Refused })
    }

    fn refund_now(&self, order: &RefundOrder) -> Result<String, ProviderError> {
        let mut books = self.books.lock();
        let account = books.account(&order.reference)?;
        if let Some((name, _)) = account.refunds.get(&order.asking.key.0) {
            return Ok(name.clone());
        }
        let returned: i64 = account.refunds.values().map(|(_, minor)| minor).sum();
        let left = match account.status {
            ProviderStatus::Paid(amount) => amount.amount_minor - returned,
            _ => 0,
        };
        if order.amount.amount_minor > left {
            return Err(ProviderError::Final(format!(
                "only {left} minor units of {} are left",
                order.reference
            )));
        }
        let name = format!("simr_{}", self.env.random_id().simple());
        let (key, amount_minor) = (order.asking.key.0.clone(), order.amount.amount_minor);
        let what = What::Refunded { key, name: name.clone(), amount_minor };
        books.write(Line { at: self.env.now(), reference: order.reference.clone(), what })?;
        Ok(name)
    }
}

/// Why a webhook of the simulated provider is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SimulatedWebhookError {
    /// It has no signature.
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature are required")]
    NoSignature,
    /// The signature does not match the body.
    #[error("the signature does not match: sign with the secret in {SECRET_FILE} in the data directory")]
    Forged,
    /// It is too old.
    #[error("the signature is more than five minutes old")]
    OutOfTime,
}

/// The secret in the file at `path`, which is created if it does not exist.
fn webhook(path: &Path, env: &dyn Environment) -> std::io::Result<Webhook> {
    let secret = match std::fs::read_to_string(path) {
        Ok(secret) => secret,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = format!("{SECRET_PREFIX}{}\n", STANDARD.encode(env.random_bytes()));
            let mut file = File::options().create_new(true).write(true).mode(0o600).open(path)?;
            file.write_all(secret.as_bytes())?;
            file.sync_all()?;
            secret
        }
        Err(error) => return Err(error),
    };
    Webhook::new(secret.trim()).map_err(|_| {
        let words = format!(
            "{} is not a secret, whsec_…: remove it, and the next start makes another",
            path.display()
        );
        std::io::Error::new(std::io::ErrorKind::InvalidData, words)
    })
}

impl Books {
    fn account(&self, reference: &str) -> Result<&Account, ProviderError> {
        let unknown = || ProviderError::Final(format!("the simulated provider has no payment {reference}"));
        self.accounts.get(reference).ok_or_else(unknown)
    }
}

/// The name of the simulated provider.
pub const SIMULATED: &str = "simulated";

impl PaymentProvider for Simulated {
    fn name(&self) -> &'static str {
        SIMULATED
    }

    fn open<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Result<OpenedPayment, ProviderError>> {
        Box::pin(async { self.open_now(order) })
    }

    fn find<'a>(
        &'a self,
        order: &'a PaymentOrder,
    ) -> BoxFuture<'a, Result<Option<OpenedPayment>, ProviderError>> {
        Box::pin(async {
            let known = self.books.lock().references.get(&order.payment_id).cloned();
            Ok(known.map(|reference| self.opened(reference)))
        })
    }

    fn status<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>> {
        Box::pin(async { Ok(self.books.lock().account(reference)?.status) })
    }

    fn close<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<ProviderStatus, ProviderError>> {
        Box::pin(async { self.decide(reference, What::Closed) })
    }

    fn refund<'a>(&'a self, order: &'a RefundOrder) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(async { self.refund_now(order) })
    }

    fn checkout<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Checkout, ProviderError>> {
        Box::pin(async { Ok(Checkout::Buttons) })
    }

    fn ledger(&self, since: DateTime<Utc>) -> BoxFuture<'_, Result<Vec<LedgerEntry>, ProviderError>> {
        let entry = |(reference, account): (&String, &Account)| LedgerEntry {
            reference: reference.clone(),
            payment_id: Some(account.payment_id),
            at: account.at,
            status: account.status,
            refunded_minor: account.refunds.values().map(|(_, minor)| minor).sum(),
        };
        Box::pin(async move {
            let books = self.books.lock();
            Ok(books.accounts.iter().filter(|(_, account)| account.at >= since).map(entry).collect())
        })
    }

    /// A payment that was opened at the provider but not recorded in the effect log is found again.
    fn poll_every(&self) -> Option<TimeDelta> {
        Some(TimeDelta::seconds(5))
    }
}
