//! Contacts of guests: names, phone numbers and e-mail addresses as people write them, read into one form.

mod email;
mod name;
mod phone;

pub use self::email::{Email, email};
pub use self::name::name;
pub use self::phone::{load_metadata, phone, receives_text_messages};
