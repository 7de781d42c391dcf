//! A booking, as the feed shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Window;

#[derive(Debug, Default)]
pub struct Booking {
    pub customer: String,
    pub policy: Value,
    pub guests: i64,
    pub window: Window,
    /// `PENDING`, `CONFIRMED`, `CHECKED_IN`, or `OVER`.
    pub status: &'static str,
    /// The status before the last end, and what ended it: `cancellation`, `completion` or `no_show`.
    pub before_end: (&'static str, &'static str),
    /// Whether the deposit was waived.
    pub is_waived: bool,
    pub free_until: DateTime<Utc>,
    pub tables: BTreeMap<String, Window>,
    /// The area of each table that it ever had.
    pub areas: BTreeMap<String, Value>,
    pub affected: Option<String>,
    /// The closure of the last mark.
    pub closure: Option<String>,
    /// The sequence of the event that last gave it a time or a table.
    pub placed_at: usize,
    /// The time of the last undo.
    pub undone_at: Option<DateTime<Utc>>,
    /// The payment of the deposit that was requested last, and its amount.
    pub due: Option<(String, i64)>,
    /// What was paid and not given back.
    pub kept_minor: i64,
    /// Payments that arrived.
    pub paid: Vec<String>,
    /// Payments that were closed because the restaurant is closed then.
    pub closed_payments: Vec<String>,
    /// Payments that were requested, and not closed since.
    pub requested: Vec<String>,
}

impl Booking {
    pub fn is_alive(&self) -> bool {
        self.status != "OVER"
    }

    pub fn requested(&mut self, data: &Value) {
        let payment = data["payment_id"].as_str().unwrap().to_owned();
        self.requested.push(payment.clone());
        self.due = Some((payment, data["amount"]["amount_minor"].as_i64().unwrap()));
    }

    pub fn marked(&mut self, data: &Value) {
        self.affected = data["reason"].as_str().map(str::to_owned);
        self.closure = data["closure_id"].as_str().map(str::to_owned);
        if self.is_called_off() {
            self.closed_payments.append(&mut self.requested);
        }
    }

    pub fn end(&mut self, by: &'static str) {
        self.before_end = (self.status, by);
        self.status = "OVER";
        self.closed_payments.append(&mut self.requested);
    }

    /// Whether the deposit was requested, and is neither paid nor waived.
    pub fn owes_deposit(&self) -> bool {
        let owed = self.due.as_ref().map_or(0, |(_, minor)| self.owed_minor(self.guests, *minor));
        owed > 0 && self.kept_minor == 0 && !self.is_waived
    }

    pub fn is_called_off(&self) -> bool {
        self.affected.as_deref() == Some("closed") || self.closure.is_some()
    }

    /// The deposit of a party of `guests`, by the policy of the day of the booking.
    pub fn deposit_minor(&self, guests: i64) -> i64 {
        let deposit = &self.policy["deposit"];
        match deposit["from_party_size"].as_i64() {
            Some(from) if guests >= from => deposit["amount"]["amount_minor"].as_i64().unwrap() * guests,
            _ => 0,
        }
    }

    /// The part of `paid_minor` that a party of `guests` owes.
    pub fn owed_minor(&self, guests: i64, paid_minor: i64) -> i64 {
        match self.policy["refund_on_shrink"].as_bool() {
            Some(true) => self.deposit_minor(guests).min(paid_minor),
            _ => paid_minor,
        }
    }

    pub fn notice(&self) -> TimeDelta {
        TimeDelta::minutes(self.policy["free_cancellation_minutes"].as_i64().unwrap())
    }
}
