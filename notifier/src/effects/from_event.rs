//! The effects of an event in the feed.

use events::event::DecodeError;
use events::{Recorded, ReservationId, StaffId, WaitlistId};

use super::entry::{Scheduled, Turn};
use crate::domain::effect::{About, Planned};
use crate::domain::reaction::{NotificationPolicy, react, react_to_staff};

/// The effects of an event.
///
/// # Errors
/// A message, when the event cannot be decoded.
pub fn effects_of(recorded: &Recorded<'_>, policy: &NotificationPolicy) -> Result<Vec<Scheduled>, String> {
    let waits =
        || recorded.subject_uuid("waitlist").map(|id| About::Waitlist { waitlist_id: WaitlistId(id) });
    let visit = recorded.subject_uuid("reservation").map(|id| About::from(ReservationId(id)));
    let about = visit.or_else(waits);
    let staff_id = recorded.subject_uuid("staff").map(StaffId);
    if about.is_none() && staff_id.is_none() {
        return Ok(vec![]);
    }
    let event = match recorded.event() {
        Ok(event) => event,
        Err(DecodeError::UnknownType(event_type)) => {
            // Written by a later version of the other service, with effects that this version does not know.
            tracing::warn!(event_type, id = %recorded.id, "an event of an unknown type was skipped");
            return Ok(vec![]);
        }
        Err(error) => return Err(chassis::causes::with_causes(&error)),
    };
    let cause = recorded.metadata();
    let (id, time) = (recorded.id, recorded.time);
    let to_staff = staff_id.and_then(|staff_id| react_to_staff(id, time, staff_id, &event));
    let planned =
        about.map(|about| react(id, time, about, &event, policy)).into_iter().flatten().chain(to_staff);
    let scheduled = |planned: Planned| Scheduled {
        key: planned.key,
        effect: planned.effect,
        due_at: planned.due_at,
        event_id: Some(recorded.id.to_string()),
        correlation_id: cause.correlation_id.clone(),
        traceparent: cause.traceparent.clone(),
        turn: Some(Turn::of(cause.clone())),
    };
    Ok(planned.map(scheduled).collect())
}
