//! Names of people, in any script.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// The last labels of domains that advertisers put into names. A shorter list misses some; a longer one would refuse
/// people such as "J.St".
const ADVERTISED: [&str; 14] =
    ["com", "net", "org", "info", "biz", "xyz", "top", "site", "online", "shop", "click", "link", "ru", "cn"];

/// Reads a name: in NFC, without surrounding white space. Apostrophes, emoji and all scripts are kept.
///
/// # Errors
/// Why the name cannot be shown to staff: it has characters that change how the text around it looks, has no visible
/// character, or contains a web address.
pub fn name(text: &str) -> Result<String, String> {
    let name = match text.is_ascii() {
        true => text.trim().to_owned(),
        false => {
            let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
            ComposingNormalizerBorrowed::new_nfc().normalize(visible.trim()).into_owned()
        }
    };
    if let Some(found) = name.chars().find(|c| is_control(*c)) {
        let number = u32::from(found);
        return Err(format!("the character U+{number:04X} changes how text around it is shown: remove it"));
    }
    if !name.chars().any(is_visible) {
        return Err("the name has no letter, digit or symbol".to_owned());
    }
    match name.split_whitespace().find(|word| is_web_address(word)) {
        Some(address) => Err(format!("{address:?} is an address on the internet, not a name")),
        None => Ok(name),
    }
}

/// Control characters, separators of lines and paragraphs, and characters that embed, override or isolate a direction.
/// The marks and joiners that scripts need (U+200C to U+200F) are not among them.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Characters without a width that no script needs: a space, a joiner, a hyphen, and the byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{2060}' | '\u{00AD}' | '\u{FEFF}')
}

fn is_visible(c: char) -> bool {
    // The empty Braille cell is a symbol, but shows nothing.
    !c.is_whitespace()
        && !c.is_ascii_punctuation()
        && c != '\u{2800}'
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn is_web_address(word: &str) -> bool {
    // Browsers read other full stops like the ASCII one: UTS 46.
    let word = word.to_lowercase().replace(['\u{3002}', '\u{FF0E}', '\u{FF61}'], ".");
    let host = word.split('/').next().unwrap_or_default();
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let is_host = host.contains('.') && host.split('.').all(label);
    let last = host.rsplit('.').next().unwrap_or_default();
    word.contains("://")
        || word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
        || (word.starts_with("www.") && word.len() > 4)
        || (is_host && (word.contains('/') || ADVERTISED.contains(&last)))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_of_people_are_kept() {
        for kept in [
            "D'Angelo",
            "O’Brien",
            "Nguyễn Thị Ánh",
            "王小明",
            "محمد",
            "👩‍🍳 Sari",
            "J.Smith",
            "St.John",
            "A. B. Müller-Lüdenscheidt",
            "می‌خواهم",
            "Dr. Sari Wulandari, S.Kom.",
        ] {
            assert_eq!(name(kept).as_deref(), Ok(kept));
        }
        assert_eq!(name("\u{FEFF}An\u{200B}n").as_deref(), Ok("Ann"));
        assert_eq!(name("  Ame\u{301}lie ").as_deref(), Ok("Am\u{e9}lie"));
    }

    #[test]
    fn names_that_show_something_else_are_refused() {
        for (text, why) in [
            ("Sari\u{202E}gnp.exe", "U+202E"),
            ("\u{2066}Sari", "U+2066"),
            ("Sa\u{7}ri", "U+0007"),
            ("Sari\u{2028}Budi", "U+2028"),
            ("\u{200B}\u{FEFF}", "no letter"),
            (".", "no letter"),
            ("\u{3164}", "no letter"),
            ("\u{2800}", "no letter"),
            ("Win now https://x.example", "an address on the internet"),
            ("www.casino.example Sari", "an address on the internet"),
            ("cheap-pills.com", "an address on the internet"),
            ("visit bit.ly/xyz", "an address on the internet"),
            ("evil\u{3002}com", "an address on the internet"),
            ("sari@example.de", "an address on the internet"),
        ] {
            let fault = name(text).unwrap_err();
            assert!(fault.contains(why), "{text:?}: {fault}");
        }
    }
}
