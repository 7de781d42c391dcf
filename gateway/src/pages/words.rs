//! The texts of the pages, in both languages.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use events::values::Locale;

type Words = BTreeMap<String, String>;

static ENGLISH: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../words/en.json")));
static INDONESIAN: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../words/id.json")));

/// Empty if the file is not valid, which a test excludes.
fn parse(json: &str) -> Words {
    serde_json::from_str(json).unwrap_or_default()
}

/// All texts in a language, by name.
pub(super) fn all(locale: Locale) -> &'static Words {
    match locale {
        Locale::Id => &INDONESIAN,
        Locale::En => &ENGLISH,
    }
}

/// The text `name`. A text that does not exist is its own name: a code that a later service sends.
pub(super) fn word(locale: Locale, name: &str) -> String {
    all(locale).get(name).cloned().unwrap_or_else(|| name.replace('_', " "))
}

/// Why the service refused something: the text `refused_<code>`, or `otherwise` for a code without one.
pub(super) fn refusal(locale: Locale, code: &str, otherwise: &str) -> String {
    let text = all(locale).get(&format!("refused_{code}")).cloned();
    text.unwrap_or_else(|| word(locale, otherwise))
}

/// The text `name` with a waiting time in place of `{wait}`.
pub(super) fn later(locale: Locale, name: &str, seconds: u64) -> String {
    let wait = match seconds.div_ceil(60) {
        0 | 1 => word(locale, "in_a_minute"),
        minutes @ 2..120 => word(locale, "in_minutes").replace("{minutes}", &minutes.to_string()),
        minutes => word(locale, "in_hours").replace("{hours}", &minutes.div_ceil(60).to_string()),
    };
    word(locale, name).replace("{wait}", &wait)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_limit_says_after_which_time_it_works_again() {
        let text = |locale, seconds| later(locale, "too_often_text", seconds);
        assert!(text(Locale::En, 1).ends_with("Please try again in a minute."));
        assert!(text(Locale::En, 61).ends_with("in 2 minutes."));
        assert!(text(Locale::En, 86_400).ends_with("in 24 hours."));
        assert!(text(Locale::Id, 8_640).ends_with("setelah 3 jam."));
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_gaps() {
        let (en, id) = (all(Locale::En), all(Locale::Id));
        assert!(en.len() > 50, "the file of texts cannot be read");
        assert_eq!(en.keys().collect::<Vec<_>>(), id.keys().collect::<Vec<_>>());
        let gaps = |text: &str| -> BTreeSet<String> {
            text.split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(name, _)| name.into())
                .collect()
        };
        for (name, text) in en {
            assert_eq!(gaps(text), gaps(&id[name]), "{name}");
            assert!(!text.is_empty() && !id[name].is_empty(), "{name}");
        }
    }
}
