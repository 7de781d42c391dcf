//! Bookings in a file from another system.

use events::CustomerId;
use events::values::{Locale, PartySize};

use super::commands::{HighChairs, Minutes};
use crate::request::requests;
use crate::values::{Line, Prose};

requests! {
    /// A line of a file of bookings. The members are its columns.
    query ImportedBooking {
        /// The number or the id of the booking in the other system, by which a second run recognises it.
        optional reference: Line<64>,
        /// The date and the time of the arrival in one column.
        optional start_time: Line<40>,
        /// The date of the arrival.
        optional date: Line<40>,
        /// The time of the arrival.
        optional time: Line<40>,
        /// By default the turn time of the venue for a party of that size.
        optional duration_minutes: Minutes,
        /// The number of guests.
        required party_size: PartySize,
        /// The guest's name.
        required name: Line<120>,
        /// International, or national in the country of the venue.
        optional phone: Line<32>,
        /// The e-mail address.
        optional email: Line<254>,
        /// The status there.
        optional status: Line<64>,
        /// An area of the venue.
        optional area: Line<64>,
        /// Tables of the venue, with spaces between them.
        optional tables: Line<64>,
        /// The preferred table, in the words of the guest.
        optional table_preference: Line<64>,
        /// Special requests, in the words of the guest.
        optional special_requests: Prose<500>,
        /// Allergies and other things that a guest cannot eat.
        optional allergies: Prose<500>,
        /// The number of high chairs.
        optional high_chairs: HighChairs,
        /// Notes of the staff, which guests never see.
        optional staff_notes: Prose<2000>,
        /// An opaque id of the customer; `imported` by default.
        optional customer_id: CustomerId,
        /// The language of messages to the guest.
        optional locale: Locale,
        /// The date, or the date and the time, of the booking.
        optional booked_at: Line<40>,
    }
}
