//! How a search compares words with a visit.

use deunicode::deunicode;
use events::values::ReservationCode;
use events::{ReservationId, TableId};
use phonenumber::metadata::DATABASE;

use crate::app::confidential::Contact;
use crate::domain::Reservation;

/// Maximum number of words in a query.
const WORDS_MAX: usize = 8;
/// Minimum number of digits of a phone number in a query. Fewer digits in a group of their own are a word.
const PHONE_DIGITS_MIN: usize = 5;
/// Number of characters of a word in the index. Longer words are compared in the visit itself.
const INDEXED_CHARS_MAX: usize = 12;
/// Numbers of digits of a national phone number in the index.
const INDEXED_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;
/// Number of the last digits of a phone number by which a visit is found.
const LAST_DIGITS: usize = 4;
/// Number of characters of half a code, as people read codes to each other.
const HALF_CODE: usize = 3;

/// The words of a query: a visit is found if each of them matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    /// Folded letters and digits: the beginning of a word, of a phone number, or of a code.
    Word(String),
    /// The beginning of an e-mail address, folded.
    Email(String),
}

/// How much of a phone number or an e-mail address the caller must know to find its visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The beginning, for callers who may read contacts.
    Beginning,
    /// All of it: other callers could guess it character by character.
    Whole,
}

/// The parts of a visit that a search looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searchable {
    names: Vec<String>,
    tables: Vec<String>,
    code: String,
    /// The e-mail address as mail servers understand it, and as the guest wrote it.
    emails: Vec<String>,
    /// The country code and the national number.
    phone: Option<(String, String)>,
}

/// The text in ASCII lower case: accents are removed, other scripts are transliterated, and apostrophes are left out.
fn fold(text: &str) -> String {
    let mut folded = if text.is_ascii() { text.to_owned() } else { deunicode(text) };
    folded.make_ascii_lowercase();
    folded.retain(|c| !matches!(c, '\'' | '`'));
    folded
}

/// The words of a text, folded.
fn words(text: &str) -> impl Iterator<Item = String> {
    let folded = fold(text);
    let words: Vec<_> = folded.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

/// The digits that people confuse with letters in codes, read as [`ReservationCode`] reads them.
fn as_code(word: &str) -> String {
    word.chars()
        .map(|c| match c {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// A number in international notation, divided into the country code and the national number. Country codes are no
/// prefixes of each other (ITU-T E.164).
fn split_country(digits: &str) -> Option<(&str, &str)> {
    (1..=3)
        .filter_map(|length| digits.split_at_checked(length))
        .find(|(code, _)| code.parse().is_ok_and(|code: u16| DATABASE.by_code(&code).is_some()))
}

/// The number without the zero that callers from the same country dial first.
fn without_trunk(digits: &str) -> &str {
    digits.strip_prefix('0').unwrap_or(digits)
}

/// How the digits of a query can be read as the beginning of a national number: as they are, and after a country code, each
/// with and without the trunk prefix. In Italy the zero is a part of the number.
fn national_readings(digits: &str) -> impl Iterator<Item = &str> {
    let after_country = split_country(digits).map(|(_, national)| national);
    [Some(digits), after_country].into_iter().flatten().flat_map(|digits| [digits, without_trunk(digits)])
}

fn is_digits(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

impl SearchQuery {
    /// Reads the words of a query. Groups of digits and of the signs between them are one phone number.
    ///
    /// # Errors
    /// Why nothing can be found by the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut terms, mut number) = (Vec::new(), Vec::new());
        for token in text.split_whitespace().map(|token| fold(plain(token))) {
            if is_part_of_phone(&token) {
                if begins_another(&number, &token) {
                    terms.extend(numbers(std::mem::take(&mut number)));
                }
                number.push(token);
                continue;
            }
            terms.extend(numbers(std::mem::take(&mut number)));
            match token.split_once('@') {
                Some((local, _)) if words(local).next().is_some() => terms.push(Term::Email(token)),
                _ => terms.extend(words(&token).map(Term::Word)),
            }
        }
        terms.extend(numbers(number));
        match terms.len() {
            0 => Err("this has no letter and no digit that can be searched for".to_owned()),
            count if count > WORDS_MAX => Err(format!("this has {count} words; {WORDS_MAX} are allowed")),
            _ => Ok(Self(terms)),
        }
    }

    /// Whether each word of the query matches.
    #[must_use]
    pub fn matches(&self, visit: &Searchable, known: Known) -> bool {
        self.0.iter().all(|term| match term {
            Term::Word(word) => visit.has_word(word, known) || visit.has_phone(word, known),
            Term::Email(email) => match known {
                Known::Beginning => visit.emails.iter().any(|own| own.starts_with(email)),
                Known::Whole => visit.emails.contains(email),
            },
        })
    }

    /// The keys to look up in the index: a visit that matches has at least one key of each group. For a caller that must know the
    /// whole number or address, no key is the beginning of one, so that the time of a search does not reveal a right beginning.
    pub(super) fn keys(&self, known: Known) -> Vec<Vec<(Kind, String)>> {
        let mut groups = Vec::new();
        for term in &self.0 {
            match (term, known) {
                (Term::Word(word), _) => groups.push(keys_of_word(word, known)),
                (Term::Email(email), Known::Whole) => groups.push(vec![(Kind::Whole, email.clone())]),
                (Term::Email(email), Known::Beginning) => {
                    let local = email.split('@').next().unwrap_or_default();
                    let words = words(local).map(|word| vec![(Kind::Email, beginning(&word).to_owned())]);
                    groups.extend(words);
                }
            }
        }
        groups
    }
}

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// The beginning of a word of a name or a table, or of a code.
    Open,
    /// The beginning of a word of an e-mail address.
    Email,
    /// The beginning or the end of a phone number.
    Phone,
    /// A whole phone number or e-mail address.
    Whole,
}

/// The part of a word that is in the index.
fn beginning(word: &str) -> &str {
    &word[..word.len().min(INDEXED_CHARS_MAX)]
}

fn keys_of_word(word: &str, known: Known) -> Vec<(Kind, String)> {
    let mut keys = vec![(Kind::Open, beginning(word).to_owned()), (Kind::Open, as_code(beginning(word)))];
    if known == Known::Beginning {
        keys.push((Kind::Email, beginning(word).to_owned()));
    }
    if is_digits(word) {
        keys.extend(match known {
            Known::Whole => {
                national_readings(word).map(|digits| (Kind::Whole, digits.to_owned())).collect::<Vec<_>>()
            }
            Known::Beginning => national_readings(word)
                .filter(|digits| digits.len() >= *INDEXED_DIGITS.start())
                .map(|digits| (Kind::Phone, digits[..digits.len().min(*INDEXED_DIGITS.end())].to_owned()))
                .collect(),
        });
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn is_part_of_phone(token: &str) -> bool {
    token.chars().any(|c| c.is_ascii_digit())
        && token.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | '-' | '.' | '/'))
}

/// A word without the signs and the scheme that mail programs put around addresses.
fn plain(token: &str) -> &str {
    let token = token.trim_matches(['<', '>', ',', ';', '"']);
    token.strip_prefix("mailto:").or_else(|| token.strip_prefix("tel:")).unwrap_or(token)
}

/// Whether `token` begins a phone number after something else, for example the number of a table.
fn begins_another(before: &[String], token: &str) -> bool {
    let begins = |token: &str| token.trim_start_matches('(').starts_with(['+', '0']);
    before.first().is_some_and(|first| begins(token) && !begins(first))
}

/// The digits of one phone number; or, if they are too few, each group as a word.
fn numbers(groups: Vec<String>) -> Vec<Term> {
    let text = groups.concat().replacen("(0)", "", 1);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    match digits.len() >= PHONE_DIGITS_MIN {
        true => vec![Term::Word(digits.to_owned())],
        false => groups.iter().flat_map(|group| words(group)).map(Term::Word).collect(),
    }
}

impl Searchable {
    /// The parts of a visit, with its contact unless that was erased.
    #[must_use]
    pub fn of(reservation: &Reservation, contact: Option<&Contact>) -> Self {
        Self::new(reservation.id, reservation.visited_tables(), contact)
    }

    /// The parts of a visit at `tables`.
    #[must_use]
    pub(in crate::app) fn new<'a>(
        id: ReservationId,
        tables: impl IntoIterator<Item = &'a TableId>,
        contact: Option<&Contact>,
    ) -> Self {
        let digits = contact.and_then(|contact| contact.phone.strip_prefix('+'));
        let digits = digits.filter(|digits| is_digits(digits));
        let phone = digits.and_then(split_country).map(|(code, number)| (code.to_owned(), number.to_owned()));
        Self {
            names: contact.map(|contact| words_of_name(&contact.name)).unwrap_or_default(),
            tables: tables.into_iter().flat_map(|table| words(table.as_str())).collect(),
            code: ReservationCode::of(id).to_string().to_ascii_lowercase(),
            emails: contact.map(emails_of).unwrap_or_default(),
            phone,
        }
    }

    fn has_word(&self, word: &str, known: Known) -> bool {
        let begins = |own: &String| own.starts_with(word);
        self.names.iter().chain(&self.tables).any(begins)
            || (known == Known::Beginning && self.words_of_email().any(|own| begins(&own)))
            || self.has_code(&as_code(word))
    }

    fn has_code(&self, word: &str) -> bool {
        word.len() >= HALF_CODE && (self.code.starts_with(word) || self.code[HALF_CODE..] == *word)
    }

    fn words_of_email(&self) -> impl Iterator<Item = String> {
        self.emails.iter().flat_map(|email| words(email.split('@').next().unwrap_or_default()))
    }

    fn has_phone(&self, word: &str, known: Known) -> bool {
        let Some((_, number)) = self.phone.as_ref().filter(|_| is_digits(word)) else { return false };
        match known {
            Known::Whole => national_readings(word).any(|digits| digits == number),
            Known::Beginning => {
                let is_end = word.len() == LAST_DIGITS && number.ends_with(word);
                is_end
                    || national_readings(word)
                        .any(|digits| digits.len() >= *INDEXED_DIGITS.start() && number.starts_with(digits))
            }
        }
    }

    /// Calls `add` with each key under which the visit is found.
    pub(super) fn each_key(&self, mut add: impl FnMut(Kind, &str)) {
        let email: Vec<_> = self.words_of_email().collect();
        let open = self.names.iter().chain(&self.tables).map(|word| (Kind::Open, word));
        for (kind, word) in open.chain(email.iter().map(|word| (Kind::Email, word))) {
            (1..=beginning(word).len()).for_each(|length| add(kind, &word[..length]));
        }
        (HALF_CODE..=self.code.len()).for_each(|length| add(Kind::Open, &self.code[..length]));
        add(Kind::Open, &self.code[HALF_CODE..]);
        self.emails.iter().for_each(|email| add(Kind::Whole, email));
        if let Some((_, number)) = &self.phone {
            let beginnings = INDEXED_DIGITS.filter_map(|length| number.get(..length));
            beginnings.for_each(|digits| add(Kind::Phone, digits));
            add(Kind::Phone, &number[number.len().saturating_sub(LAST_DIGITS)..]);
            add(Kind::Whole, number);
        }
    }
}

fn emails_of(contact: &Contact) -> Vec<String> {
    let typed = contact.email_typed.as_ref();
    let all = std::iter::once(&contact.email).chain(typed).filter(|email| !email.is_empty());
    all.map(|email| fold(email)).collect()
}

/// The words of a name. The part after an apostrophe is also a word of its own: "O'Brien" is found by "obrien" and "brien".
fn words_of_name(name: &str) -> Vec<String> {
    let after_apostrophe = name.split(['\'', '’', '`']).skip(1).filter_map(|rest| words(rest).next());
    let mut all: Vec<_> = words(name).chain(after_apostrophe).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
