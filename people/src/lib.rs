//! What people read, in pages and in messages: the language they prefer, dates and amounts as they write them, and calendar
//! files.

pub mod calendar;
mod language;
mod words;

pub use self::language::preferred;
pub use self::words::{date, mask_mail, mask_phone, moment, money, short_date, time};
