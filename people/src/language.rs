//! The language of a page, as the browser prefers it.

use events::values::Locale;
use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, COOKIE};

/// The cookie with the language that a person chose.
pub const LANGUAGE_COOKIE: &str = "__Host-meja_language";

/// The language that the person chose, or that the browser prefers (RFC 9110, section 12.5.4); `None` if it prefers neither.
#[must_use]
pub fn preferred(headers: &HeaderMap) -> Option<Locale> {
    chosen(headers).or_else(|| accepted(headers))
}

fn chosen(headers: &HeaderMap) -> Option<Locale> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies =
        lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let (_, tag) = cookies.find(|(name, _)| *name == LANGUAGE_COOKIE)?;
    Locale::from_tag(tag)
}

fn accepted(headers: &HeaderMap) -> Option<Locale> {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let weighted = accepted.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let locale = Locale::from_tag(parts.next()?)?;
        let weight =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
        Some((locale, weight))
    });
    // Of equal weights the first counts.
    let best = weighted.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.filter(|(_, weight)| *weight > 0.0).map(|(locale, _)| locale)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_has_the_language_that_the_browser_prefers() {
        let locale = |accepted: &'static str| {
            preferred(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]))
        };
        assert_eq!(preferred(&HeaderMap::new()), None);
        assert_eq!(locale("id-ID,id;q=0.9,en-US;q=0.8"), Some(Locale::Id));
        assert_eq!(locale("de, en;q=0.3, id;q=0.7"), Some(Locale::Id));
        assert_eq!(locale("en,id"), Some(Locale::En));
        assert_eq!(locale("id;q=0, de"), None);
        let chosen = [(COOKIE, "a=1; __Host-meja_language=id"), (ACCEPT_LANGUAGE, "en")];
        let headers = chosen.map(|(name, value)| (name, HeaderValue::from_static(value)));
        assert_eq!(preferred(&HeaderMap::from_iter(headers)), Some(Locale::Id), "a choice counts more");
    }
}
