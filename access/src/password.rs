//! Passwords and PINs: what is accepted as one, and how it is kept.
//!
//! They are kept as argon2id hashes with the parameters that OWASP recommends: 19 MiB, two passes, one lane. A hash takes
//! some tens of milliseconds, so that callers run it outside of asynchronous tasks.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use chassis::environment::Environment;
use contract::reservation::sessions::{PIN_DIGITS_MAX, PIN_DIGITS_MIN};
use zxcvbn::{Score, zxcvbn};

/// Maximum number of characters of a password that are estimated.
const ESTIMATED_CHARS_MAX: usize = 64;

/// Texts about a person that are shorter than this are in many words.
const KNOWN_CHARS_MIN: usize = 3;

/// Minimum number of letters and digits that are in no text about the person.
const OWN_CHARS_MIN: usize = 8;

/// The length of a salt, in bytes: what RFC 9106 recommends.
const SALT_BYTES: usize = 16;

/// Why a text is not accepted as a password or a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// The password can be guessed.
    #[error(
        "this password can be guessed: use a longer one, for example four words that do not belong together"
    )]
    Guessable,
    /// The PIN has other characters, or too few or too many.
    #[error("a PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits")]
    NoPin,
    /// The PIN is among the first that people try.
    #[error(
        "this PIN is among the first that people try: do not repeat a digit, and do not count up or down"
    )]
    CommonPin,
}

/// Checks a new password of a person about whom `known` is known, such as the name. Lengths are not checked here.
///
/// # Errors
/// [`WeakSecret::Guessable`], if the estimator zxcvbn expects fewer than 10⁸ guesses to find it, or if too little is left
/// without what is known.
pub fn check_password(password: &str, known: &[&str]) -> Result<(), WeakSecret> {
    let parts = known.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let known: Vec<_> = parts.chain(known.iter().copied()).chain(["meja"]).collect();
    // The time of the estimate grows with the square of the length, and more characters do not make a password weaker.
    let estimated: String = password.chars().take(ESTIMATED_CHARS_MAX).collect();
    let is_enough = characters_of_its_own(&estimated, &known) >= OWN_CHARS_MIN;
    match zxcvbn(&estimated, &known).score() {
        Score::Three | Score::Four if is_enough => Ok(()),
        _ => Err(WeakSecret::Guessable),
    }
}

/// The number of letters and digits of `password` that are in none of the `known` texts.
fn characters_of_its_own(password: &str, known: &[&str]) -> usize {
    let mut known: Vec<_> = known.iter().map(|text| text.to_lowercase()).collect();
    known.retain(|text| text.chars().count() >= KNOWN_CHARS_MIN);
    // The longest first: an address contains a name.
    known.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let rest = known.iter().fold(password.to_lowercase(), |rest, text| rest.replace(text, " "));
    rest.chars().filter(|c| c.is_alphanumeric()).count()
}

/// Checks a new PIN.
///
/// # Errors
/// [`WeakSecret`].
pub fn check_pin(pin: &str) -> Result<(), WeakSecret> {
    let digits = pin.as_bytes();
    if !(PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(WeakSecret::NoPin);
    }
    let steps = |by: i16| digits.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == by);
    if steps(0) || steps(1) || steps(-1) { Err(WeakSecret::CommonPin) } else { Ok(()) }
}

/// The hash of a password or of a PIN, in the PHC string format.
#[must_use]
pub fn hash(secret: &str, env: &dyn Environment) -> String {
    let salt = &env.random_bytes()[..SALT_BYTES];
    match Argon2::default().hash_password_with_salt(secret.as_bytes(), salt) {
        Ok(hash) => hash.to_string(),
        // Only parameters that are not valid fail, and these are constants.
        Err(error) => unreachable!("a password cannot be hashed: {error}"),
    }
}

/// Whether `hash` is one of `secret`. Compares in constant time.
#[must_use]
pub fn verify(secret: &str, hash: &str) -> bool {
    Argon2::default().verify_password(secret.as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use chassis::environment::SystemEnvironment;

    use super::*;

    #[test]
    fn a_hash_is_of_its_own_password_and_of_no_other() {
        let (one, two) =
            (hash("satu dua tiga", &SystemEnvironment), hash("satu dua tiga", &SystemEnvironment));
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != two);
        assert!(verify("satu dua tiga", &one) && verify("satu dua tiga", &two));
        assert!(!verify("satu dua tigA", &one) && !verify("", &one) && !verify("satu dua tiga", "nothing"));
    }

    #[test]
    fn passwords_that_are_guessed_first_are_refused() {
        let known = ["Sari Wulandari", "sari@warung-sinar.example"];
        let of_the_person = [
            "sariwulandari",
            "sariwarung",
            "sari@warung-sinar.example",
            "Sari Wulandari",
            "sariwarungsinarexample",
            "SariWulandari12",
        ];
        let of_anyone = ["1234567890", "password123", "qwertyuiop", "aaaaaaaaaaaa"];
        for weak in of_the_person.into_iter().chain(of_anyone) {
            assert_eq!(check_password(weak, &known), Err(WeakSecret::Guessable), "{weak}");
        }
        for strong in ["kelapa motor sunyi bendera", "hT4-mm9_QxvZ", "sari tidak suka kelapa"] {
            assert_eq!(check_password(strong, &known), Ok(()), "{strong}");
        }
    }

    #[test]
    fn pins_are_digits_that_people_do_not_try_first() {
        for (pin, expected) in [
            ("7294", Ok(())),
            ("72940358", Ok(())),
            ("729", Err(WeakSecret::NoPin)),
            ("729403581", Err(WeakSecret::NoPin)),
            ("72a4", Err(WeakSecret::NoPin)),
            ("1111", Err(WeakSecret::CommonPin)),
            ("123456", Err(WeakSecret::CommonPin)),
            ("9876", Err(WeakSecret::CommonPin)),
        ] {
            assert_eq!(check_pin(pin), expected, "{pin}");
        }
    }
}
