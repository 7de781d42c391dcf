//! E-mail addresses.

use std::str::FromStr as _;

/// An address to which mail can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The form that mail servers understand: the domain in ASCII.
    pub ascii: String,
    /// The form in which the guest wrote it, if it differs.
    pub typed: Option<String>,
}

/// Top-level domains without mail servers: RFC 2606, RFC 6761 and RFC 6762.
const WITHOUT_MAIL: [&str; 6] = ["localhost", "local", "invalid", "test", "example", "onion"];

/// Reads an address. The domain may be internationalised; RFC 5891 gives its ASCII form. A local part beyond ASCII needs
/// an extension (RFC 6531) that many mail servers do not have.
///
/// # Errors
/// Why no mail can be delivered to the address.
pub fn email(text: &str) -> Result<Email, String> {
    let typed = text.trim();
    let malformed = || format!("{typed:?} is not an e-mail address such as sari@example.com");
    let (local, domain) = typed.rsplit_once('@').ok_or_else(malformed)?;
    if domain.starts_with('[') {
        return Err(format!("{typed:?} names a server by its address: use an address with a domain"));
    }
    if !local.is_ascii() {
        return Err(format!(
            "the part before the @ of {typed:?} has characters beyond ASCII, which many mail servers do not accept"
        ));
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| malformed())?;
    let last = domain.rsplit_once('.').map(|(_, last)| last);
    match last {
        None => {
            return Err(format!(
                "{typed:?} has no top-level domain such as .com: no mail can be delivered there"
            ));
        }
        Some(last) if WITHOUT_MAIL.contains(&last) || !is_top_level(last) => {
            return Err(format!(
                ".{last} is not a domain on the internet: no mail can be delivered to {typed:?}"
            ));
        }
        Some(_) => {}
    }
    let ascii = format!("{local}@{domain}");
    let is_plain = local.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    match lettre::Address::from_str(&ascii) {
        Ok(_) if is_plain && ascii.len() <= 254 => {
            let typed = (ascii != typed).then(|| typed.to_owned());
            Ok(Email { ascii, typed })
        }
        _ => Err(malformed()),
    }
}

/// Whether the domain can be a top-level domain: at least two letters, or an internationalised one (RFC 1123, RFC 5890).
fn is_top_level(label: &str) -> bool {
    label.starts_with("xn--") || (label.len() >= 2 && label.bytes().all(|b| b.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_stored_as_mail_servers_understand_them() {
        for (text, ascii, typed) in [
            ("sari@example.com", "sari@example.com", None),
            (" sari@example.com ", "sari@example.com", None),
            ("info@müller.de", "info@xn--mller-kva.de", Some("info@müller.de")),
            ("Sari.W+meja@Example.COM", "Sari.W+meja@example.com", Some("Sari.W+meja@Example.COM")),
            ("o'brien@example.co.uk", "o'brien@example.co.uk", None),
            ("a@例え.jp", "a@xn--r8jz45g.jp", Some("a@例え.jp")),
        ] {
            let typed = typed.map(str::to_owned);
            assert_eq!(email(text), Ok(Email { ascii: ascii.to_owned(), typed }), "{text}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_delivered_are_refused() {
        for text in [
            "ani@example",
            "ani@localhost",
            "ani@mail.localhost",
            "ani@[127.0.0.1]",
            "ani@127.0.0.1",
            "ani@printer.local",
            "ani@nowhere.invalid",
            "ani@@example.com",
            "@example.com",
            "ani@",
            "ani",
            "ani@exa mple.com",
            "an i@example.com",
            "\"a b\"@example.com",
            "jürgen@example.com",
            "ani@-example.com",
            "ani@example..com",
            "ani@example.c",
            "ani@example.c0m",
            "ani@example.com.",
            ".ani@example.com",
        ] {
            assert!(email(text).is_err(), "{text}: {:?}", email(text));
        }
    }
}
