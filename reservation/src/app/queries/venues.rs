//! The venues: their public part, and their rules.

use access::Caller;
use contract::reservation::venues::{PolicyWords, ProfileView, ServiceView, VenueView};
use contract::reservation::words::Language;
use events::event::{Event, VenueRulesChanged};
use events::values::{DepositPer, Locale};
use events::{Position, Query, Tag, VenueId};
use serde_json::{Map, Value};

use super::QueryError;
use crate::app::App;
use crate::app::repository::{self, AsOf};
use crate::domain::availability::Service;
use crate::domain::venue::{Profile, Venue};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The rules of a venue as they were recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesVersion {
    /// The version.
    pub version: u32,
    /// The document.
    pub document: Map<String, Value>,
}

impl App {
    /// The rules of a venue that `caller` reads, as of some time; `None` if it did not exist then, or if its rules were only
    /// in a file.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn rules_for(
        &self,
        venue: &VenueId,
        as_of: AsOf,
        caller: &Caller,
    ) -> Result<Option<RulesVersion>, QueryError> {
        match caller.may_use(venue) {
            Ok(()) => self.rules(venue, as_of).await,
            Err(_) => Ok(None),
        }
    }

    /// The rules of a venue as of some time; `None` if it did not exist then, or if its rules were only in a file.
    pub(super) async fn rules(
        &self,
        venue: &VenueId,
        as_of: AsOf,
    ) -> Result<Option<RulesVersion>, QueryError> {
        let query = Query::any_tag([Tag::rules(venue)]);
        let mut rules = None;
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            let Event::VenueRulesChanged(VenueRulesChanged { version, document, .. }) = event else { return };
            if as_of.includes(repository::recorded_at(recorded)) {
                rules = document.map(|document| RulesVersion { version, document });
            }
        })
        .await?;
        Ok(rules)
    }
}

/// The public part of a venue.
#[must_use]
pub fn venue_view(venue: &Venue) -> VenueView {
    let hours = venue.rules.iter().flat_map(|rules| rules.hours.weekly.iter().zip(DAYS));
    let default = Language::from(venue.locale);
    let other = match default {
        Language::Id => Language::En,
        _ => Language::Id,
    };
    VenueView {
        venue_id: venue.id.clone(),
        name: venue.name.clone(),
        timezone: venue.timezone.name().to_owned(),
        country: venue.country.clone(),
        languages: vec![default, other],
        profile: profile_view(&venue.profile),
        areas: venue.areas().into_iter().map(str::to_owned).collect(),
        hours: hours
            .flat_map(|(services, day)| services.iter().map(|service| of_week(day, service)))
            .collect(),
        policy: PolicyWords { id: policy_words(venue, Locale::Id), en: policy_words(venue, Locale::En) },
        free_cancellation_minutes: venue.free_cancellation_minutes,
        party_size_max: venue.rules.as_ref().and_then(|rules| rules.seatings.party_size_max()),
    }
}

/// The address and the contact of a venue.
#[must_use]
pub fn profile_view(profile: &Profile) -> ProfileView {
    ProfileView {
        address: profile.address.clone(),
        latitude: profile.location.map(|location| location.latitude),
        longitude: profile.location.map(|location| location.longitude),
        phone: profile.phone.clone(),
        email: profile.email.clone(),
        reply_to: profile.reply_to.clone(),
        website: profile.website.clone(),
        accent_colour: profile.accent_colour.clone(),
    }
}

fn of_week(day: &str, service: &Service) -> ServiceView {
    let time = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    ServiceView {
        day: day.to_owned(),
        name: service.name.clone(),
        opens: time(service.opens),
        closes: time(service.closes),
        areas: service.areas.clone(),
        last_arrival: service.last_arrival.map(time),
    }
}

/// The policy, a sentence for each rule.
fn policy_words(venue: &Venue, locale: Locale) -> Vec<String> {
    let is_id = locale == Locale::Id;
    let per = |per: DepositPer| match (per, is_id) {
        (DepositPer::Guest, true) => "per orang",
        (DepositPer::Guest, false) => "for each guest",
        (DepositPer::Party, true) => "per rombongan",
        (DepositPer::Party, false) => "for the party",
    };
    let deposit = venue.deposit.map(|rule| {
        let (amount, per, from) = (people::money(rule.amount, locale), per(rule.per), rule.from_party_size);
        match is_id {
            true => format!("Deposit {amount} {per} mulai dari {from} orang."),
            false => format!("A deposit of {amount} {per} is due from {from} guests on."),
        }
    });
    let limit = span(venue.free_cancellation_minutes, is_id);
    let cancellation = venue.deposit.map(|_| match is_id {
        true => format!("Pembatalan gratis sampai {limit} sebelum kunjungan."),
        false => format!("Free cancellation until {limit} before the visit."),
    });
    let grace = venue.no_show_grace_minutes.map(|minutes| {
        let time = span(minutes, is_id);
        match is_id {
            true => format!("Meja dijaga selama {time} setelah waktu reservasi."),
            false => format!("The table is kept for {time} after the booked time."),
        }
    });
    let fee = venue.no_show_fee.map(|fee| {
        let (amount, per) = (people::money(fee.amount, locale), per(fee.per));
        match is_id {
            true => format!("Biaya {amount} {per} jika tidak datang."),
            false => format!("A fee of {amount} {per} is due if the party does not come."),
        }
    });
    deposit.into_iter().chain(cancellation).chain(grace).chain(fee).collect()
}

/// Minutes in words: whole hours if they are.
fn span(minutes: u32, is_id: bool) -> String {
    let (number, unit) = match minutes {
        minutes if minutes >= 60 && minutes % 60 == 0 => (minutes / 60, if is_id { "jam" } else { "hour" }),
        minutes => (minutes, if is_id { "menit" } else { "minute" }),
    };
    let plural = if number == 1 || is_id { "" } else { "s" };
    format!("{number} {unit}{plural}")
}
