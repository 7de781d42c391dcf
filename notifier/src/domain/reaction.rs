//! Which effects an event has. Pure: the same event always has the same effects.

use chrono::{DateTime, TimeDelta, Utc};
use events::access_events;
use events::event::{
    Detail, Event, PaymentRequested, Refund, ReservationAffected, ReservationCreated, ReservationUndone,
    RestoredStatus, UndoneChange,
};
use events::imports::ImportedStatus;
use events::values::{Medium, Money};
use events::venue_events;
use events::{EventId, PaymentId, ReservationId, StaffId};

use crate::domain::effect::{About, Effect, EffectKey, Planned, StaffTemplate, TakeDeposit, Template};

/// The reason code of a party that left the waitlist because its offer expired.
const OFFER_EXPIRED: &str = "offer_expired";

/// How long the copy of the message that an offer is over is kept.
const COPIES_KEPT: TimeDelta = TimeDelta::days(1);

/// The reason code of a booking whose contact was not proved in time.
pub const CONTACT_UNPROVED: &str = "contact_unproved";

/// Which messages guests get, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationPolicy {
    /// How long before the start guests get a reminder.
    pub remind_before: Vec<TimeDelta>,
    /// Whether guests also get text messages.
    pub sms: bool,
    /// Whether mails are kept as files, which are erased together with the contact.
    pub keeps_copies: bool,
}

/// The effects of `event`, which happened to the subject `about`.
#[must_use]
pub fn react(
    id: EventId,
    time: DateTime<Utc>,
    about: About,
    event: &Event,
    policy: &NotificationPolicy,
) -> Vec<Planned> {
    let plan = Plan { id, time, about, policy };
    match about {
        About::Reservation { reservation_id } => react_to_visit(&plan, reservation_id, event),
        About::Waitlist { .. } => match event {
            Event::WaitlistOffered(e) => plan.both(Template::Offer, Some(e.window.start)).collect(),
            Event::GuestAsked(_) => plan.both(Template::TableReady, None).collect(),
            Event::ContactProofRequested(_) => vec![plan.mail(Template::ProveContact, None, None)],
            Event::WaitlistJoined(e) if e.contact_proof.is_some() => vec![],
            // The link to the place in line.
            Event::WaitlistJoined(_) | Event::ContactProved(_) => {
                vec![plan.mail(Template::Waiting, None, None)]
            }
            Event::WaitlistLeft(e) if e.reason_code == OFFER_EXPIRED => {
                let erased =
                    plan.erase().map(|erased| Planned { due_at: erased.due_at + COPIES_KEPT, ..erased });
                std::iter::once(plan.mail(Template::OfferOver, None, None)).chain(erased).collect()
            }
            // The contact was forgotten, or belongs to the reservation.
            Event::WaitlistLeft(_) | Event::WaitlistAccepted(_) => plan.erase().into_iter().collect(),
            _ => vec![],
        },
    }
}

fn react_to_visit(plan: &Plan<'_>, reservation_id: ReservationId, event: &Event) -> Vec<Planned> {
    match event {
        Event::ReservationCreated(e) => react_to_booking(plan, e),
        Event::PaymentRequested(e) => react_to_request(plan, reservation_id, e),
        Event::ReservationConfirmed(e) => plan
            .both(Template::Confirmed, Some(e.window.start))
            .chain(plan.reminders(e.window.start))
            .chain(e.deposit_waived.then(|| plan.close("close-payments", reservation_id)))
            .collect(),
        Event::ReservationRescheduled(e) => {
            let mail = plan.mail(Template::Rescheduled, Some(e.to.start), None);
            std::iter::once(mail).chain(plan.reminders(e.to.start)).collect()
        }
        Event::ContactProofRequested(_) => vec![plan.mail(Template::ProveContact, None, None)],
        // The address may belong to a stranger. The request for the proof stays the only mail.
        Event::ReservationCancelled(e) if e.reason_code == CONTACT_UNPROVED => vec![],
        Event::ReservationCancelled(e) => plan
            .both(Template::Cancelled, None)
            .chain(plan.refund(reservation_id, e.refund))
            .chain([plan.close("close-payments", reservation_id)])
            .collect(),
        Event::ReservationNoShow(e) => plan.refund(reservation_id, e.refund).collect(),
        Event::DetailsChanged(e) => plan.again(reservation_id, &e.changed).into_iter().collect(),
        Event::ReservationUndone(e) => react_to_undo(plan, reservation_id, e),
        Event::PaymentCompleted(e) => {
            // A part of the money goes back if the party became smaller before it paid.
            let late = e.refund.filter(|refund| refund.amount == e.amount);
            let late = late.map(|refund| plan.mail(Template::PaidLate, None, Some(refund.amount)));
            let closed = e.closes.map(|id| plan.close_if_not_owed("close-successor", reservation_id, id));
            late.into_iter().chain(plan.refund(reservation_id, e.refund)).chain(closed).collect()
        }
        Event::ReservationAffected(e) if calls_off(e) => vec![plan.close("close-payments", reservation_id)],
        Event::PartySizeChanged(e) => {
            let mail = (e.from != e.to).then(|| plan.mail(Template::Resized, None, None));
            let closed = e.waives_deposit.then(|| plan.close("close-payments", reservation_id));
            mail.into_iter().chain(plan.refund(reservation_id, e.refund)).chain(closed).collect()
        }
        Event::GuestAsked(_) => plan.both(Template::StillComing, None).collect(),
        // The links to pay are renewed together with the link of the guest.
        Event::GuestLinkRenewed(_) => {
            vec![plan.now("renew-pay-links", Effect::RenewPayLinks { reservation_id })]
        }
        Event::ContactErased(_) => plan.erase().into_iter().collect(),
        Event::PaymentRefunded(e) => vec![plan.mail(Template::Refunded, None, Some(e.amount))],
        Event::TableAssigned(_)
        | Event::TableReleased(_)
        | Event::ReservationCheckedIn(_)
        | Event::ReservationCompleted(_)
        | Event::VisitEndChanged(_)
        | Event::RulesOverruled(_)
        | Event::GuestAnswered(_)
        | Event::ContactProved(_)
        | Event::ContactRead(_)
        | Event::PaymentFailed(_)
        | Event::NotificationSent(_)
        | Event::NotificationFailed(_)
        | Event::WaitlistJoined(_)
        | Event::WaitlistOffered(_)
        | Event::WaitlistWithdrawn(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistLeft(_)
        | Event::ReservationAffected(_)
        | venue_events!()
        | access_events!() => vec![],
    }
}

fn react_to_request(plan: &Plan<'_>, reservation_id: ReservationId, e: &PaymentRequested) -> Vec<Planned> {
    let (payment_id, amount, channel) = (e.payment_id, e.amount, e.channel.clone());
    let deposit = TakeDeposit { reservation_id, payment_id, amount, channel, purpose: e.purpose };
    // The end of a hold has its own event, the deadline of a fee does not.
    let end = (!e.purpose.is_deposit())
        .then(|| Planned { due_at: e.expires_at, ..plan.close_fee(reservation_id, payment_id) });
    let replaced = e.replaces.map(|id| plan.close_if_not_owed("close-replaced", reservation_id, id));
    let taken = plan.now("take-deposit", Effect::TakeDeposit(deposit));
    std::iter::once(taken).chain(end).chain(replaced).collect()
}

/// Walk-ins get no messages. If a deposit is due, the request to pay it confirms that the booking was received; if it is
/// confirmed immediately, the confirmation does, and so does the request to prove the contact. The guest of an imported booking has the confirmation of the other system.
fn react_to_booking(plan: &Plan<'_>, created: &ReservationCreated) -> Vec<Planned> {
    let start = created.window.start;
    match created.imported.as_deref() {
        Some(imported) if imported.status == ImportedStatus::Confirmed => plan.reminders(start).collect(),
        Some(_) => vec![],
        None if created.walk_in || created.policy.deposit_required || created.policy.auto_confirm => vec![],
        None if created.contact_proof.is_some() => vec![],
        None => vec![plan.mail(Template::Received, Some(start), None)],
    }
}

/// Whether the restaurant or the table is closed at the time of the visit: nothing is to be paid until staff have moved it.
fn calls_off(affected: &ReservationAffected) -> bool {
    affected.closure_id.is_some() || matches!(affected.reason.as_deref(), Some("closed" | "venue_gone"))
}

/// A deposit that is due again has its own event.
fn react_to_undo(plan: &Plan<'_>, reservation_id: ReservationId, undone: &ReservationUndone) -> Vec<Planned> {
    let start = undone.window.start;
    match undone.undone {
        UndoneChange::CheckIn | UndoneChange::Completion => vec![],
        UndoneChange::NoShow => {
            let fee = undone.withdrawn_fee;
            let mail = fee.map(|fee| plan.mail(Template::FeeWithdrawn, None, Some(fee.amount)));
            let close = fee.map(|fee| plan.close_fee(reservation_id, fee.payment_id));
            close.into_iter().chain(mail).chain(plan.refund(reservation_id, undone.refund)).collect()
        }
        UndoneChange::Cancellation => {
            let is_confirmed = undone.status == RestoredStatus::Confirmed;
            let reminders = is_confirmed.then(|| plan.reminders(start)).into_iter().flatten();
            plan.both(Template::Reinstated, Some(start)).chain(reminders).collect()
        }
    }
}

/// The effects of an event of a member of staff.
#[must_use]
pub fn react_to_staff(id: EventId, time: DateTime<Utc>, staff_id: StaffId, event: &Event) -> Option<Planned> {
    let (template, number) = match event {
        Event::StaffInvited(e) => (StaffTemplate::StaffInvitation, e.invitation),
        Event::PasswordResetRequested(e) => (StaffTemplate::PasswordReset, e.reset),
        _ => return None,
    };
    let key = EffectKey::of_event(id, &format!("mail-{}", template.name()));
    Some(Planned { key, effect: Effect::StaffMessage { staff_id, template, number }, due_at: time })
}

struct Plan<'a> {
    id: EventId,
    time: DateTime<Utc>,
    about: About,
    policy: &'a NotificationPolicy,
}

impl Plan<'_> {
    fn now(&self, kind: &str, effect: Effect) -> Planned {
        Planned { key: EffectKey::of_event(self.id, kind), effect, due_at: self.time }
    }

    fn message(
        &self,
        template: Template,
        medium: Medium,
        start: Option<DateTime<Utc>>,
        amount: Option<Money>,
    ) -> Effect {
        Effect::Message { about: self.about, template, medium, start, link: None, amount }
    }

    fn mail(&self, template: Template, start: Option<DateTime<Utc>>, amount: Option<Money>) -> Planned {
        self.now(&format!("mail-{}", template.name()), self.message(template, Medium::Mail, start, amount))
    }

    /// By mail, and by text message if the policy has them.
    fn both(&self, template: Template, start: Option<DateTime<Utc>>) -> impl Iterator<Item = Planned> {
        let sms =
            self.now(&format!("sms-{}", template.name()), self.message(template, Medium::Sms, start, None));
        let sms = self.policy.sms.then_some(sms);
        std::iter::once(self.mail(template, start, None)).chain(sms)
    }

    /// The reminders that are still in the future.
    fn reminders(&self, start: DateTime<Utc>) -> impl Iterator<Item = Planned> {
        // The key belongs to the visit, not to the event, so that there is one reminder per time.
        let visit = self.about.reservation_id();
        let reminder = move |before: &TimeDelta| {
            let due_at = start - *before;
            let effect = self.message(Template::Reminder, Medium::Mail, Some(start), None);
            let key = format!("{}.mail-reminder-{}-{}m", visit?, start.timestamp(), before.num_minutes());
            (due_at > self.time).then_some(Planned { key: EffectKey(key), effect, due_at })
        };
        self.policy.remind_before.iter().filter_map(reminder)
    }

    /// The current message again, by the media whose address was corrected.
    fn again(&self, reservation_id: ReservationId, corrected: &[Detail]) -> Option<Planned> {
        let mail = corrected.contains(&Detail::Email).then_some(Medium::Mail);
        let sms = (corrected.contains(&Detail::Phone) && self.policy.sms).then_some(Medium::Sms);
        let media: Vec<_> = mail.into_iter().chain(sms).collect();
        (!media.is_empty()).then(|| self.now("send-again", Effect::SendAgain { reservation_id, media }))
    }

    /// Erases the copies of the messages, if there are any.
    fn erase(&self) -> Option<Planned> {
        let erase = Effect::EraseCopies { about: self.about };
        self.policy.keeps_copies.then(|| self.now("erase-copies", erase))
    }

    fn close(&self, kind: &str, reservation_id: ReservationId) -> Planned {
        self.now(kind, Effect::ClosePayments { reservation_id, payment_id: None, if_not_owed: false })
    }

    /// Closes the payment of a fee, and no other one.
    fn close_fee(&self, reservation_id: ReservationId, payment_id: PaymentId) -> Planned {
        let payment_id = Some(payment_id);
        let close = Effect::ClosePayments { reservation_id, payment_id, if_not_owed: false };
        self.now("close-fee", close)
    }

    /// Closes a payment in place of which another one is due or was paid.
    fn close_if_not_owed(&self, kind: &str, reservation_id: ReservationId, id: PaymentId) -> Planned {
        let close = Effect::ClosePayments { reservation_id, payment_id: Some(id), if_not_owed: true };
        self.now(kind, close)
    }

    fn refund(&self, reservation_id: ReservationId, refund: Option<Refund>) -> impl Iterator<Item = Planned> {
        refund.into_iter().map(move |Refund { payment_id, amount }| {
            self.now("refund", Effect::Refund { reservation_id, payment_id, amount })
        })
    }
}
