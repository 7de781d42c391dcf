//! What happens at the venue of this test.

use events::event::UndoneChange;
use proptest::prelude::*;
use proptest::sample;

use super::CHANGES;

/// What a guest, the restaurant or its owner does.
#[derive(Debug, Clone)]
pub enum Act {
    Book {
        day: u64,
        slot: i64,
        guests: u8,
        customer: u8,
    },
    Move {
        booking: usize,
        day: u64,
        slot: i64,
        by: &'static str,
    },
    Resize {
        booking: usize,
        guests: u8,
        reseat: bool,
    },
    Cancel {
        booking: usize,
        by: &'static str,
    },
    Pay {
        booking: usize,
    },
    CheckIn {
        booking: usize,
    },
    Complete {
        booking: usize,
    },
    NoShow {
        booking: usize,
    },
    Undo {
        booking: usize,
        change: UndoneChange,
    },
    /// The visit ends `minutes` from now.
    Extend {
        booking: usize,
        minutes: i64,
        anyway: bool,
    },
    Swap {
        booking: usize,
        with: usize,
    },
    /// A booking against the rules.
    BookAnyway {
        day: u64,
        slot: i64,
        guests: u8,
        customer: u8,
    },
    ChangeRules {
        change: usize,
    },
    /// `part` is the whole venue, a service, an area, tables, or an area during a service.
    Close {
        day: u64,
        days: u64,
        part: u8,
    },
    Lift {
        closure: usize,
    },
    CancelAffected {
        closure: usize,
    },
    Advance {
        hours: i64,
    },
}

pub fn act() -> impl Strategy<Value = Act> {
    let (booking, day, slot) = (0..12_usize, 0..5_u64, 0..96_i64);
    let by = || prop_oneof![Just("guest"), Just("staff")];
    prop_oneof![
        6 => (day.clone(), slot.clone(), 1..9_u8, 0..6_u8)
            .prop_map(|(day, slot, guests, customer)| Act::Book { day, slot, guests, customer }),
        3 => (booking.clone(), day, slot, by())
            .prop_map(|(booking, day, slot, by)| Act::Move { booking, day, slot, by }),
        3 => (booking.clone(), 1..9_u8, any::<bool>())
            .prop_map(|(booking, guests, reseat)| Act::Resize { booking, guests, reseat }),
        2 => (booking.clone(), by()).prop_map(|(booking, by)| Act::Cancel { booking, by }),
        3 => booking.clone().prop_map(|booking| Act::Pay { booking }),
        2 => booking.clone().prop_map(|booking| Act::CheckIn { booking }),
        1 => booking.clone().prop_map(|booking| Act::Complete { booking }),
        1 => booking.clone().prop_map(|booking| Act::NoShow { booking }),
        3 => (booking, sample::select(UndoneChange::ALL.to_vec()))
            .prop_map(|(booking, change)| Act::Undo { booking, change }),
        2 => (0..12_usize, 10..300_i64, any::<bool>())
            .prop_map(|(booking, minutes, anyway)| Act::Extend { booking, minutes, anyway }),
        2 => (0..12_usize, 0..12_usize).prop_map(|(booking, with)| Act::Swap { booking, with }),
        1 => (0..5_u64, 0..96_i64, 1..14_u8, 0..6_u8)
            .prop_map(|(day, slot, guests, customer)| Act::BookAnyway { day, slot, guests, customer }),
        2 => (0..CHANGES).prop_map(|change| Act::ChangeRules { change }),
        2 => (0..5_u64, 0..3_u64, 0..5_u8).prop_map(|(day, days, part)| Act::Close { day, days, part }),
        1 => (0..4_usize).prop_map(|closure| Act::Lift { closure }),
        1 => (0..4_usize).prop_map(|closure| Act::CancelAffected { closure }),
        2 => (1..80_i64).prop_map(|hours| Act::Advance { hours }),
    ]
}
