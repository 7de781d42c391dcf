//! What people read, in pages and in messages: the language they prefer, dates and amounts as they write them, calendar files,
//! and the look of all pages.

pub mod calendar;

mod language;
mod words;

pub use self::language::{LANGUAGE_COOKIE, preferred};
pub use self::words::{date, mask_mail, mask_phone, moment, money, short_date, time};

/// The stylesheet of all pages. A venue adds its colour: the custom properties `--accent` and `--on-accent`.
pub const STYLE: &str = include_str!("../assets/style.css");
