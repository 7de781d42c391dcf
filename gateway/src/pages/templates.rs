//! Templates, parsed once.

use std::sync::LazyLock;

use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        /// The templates by name.
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/", $name)))),+];
    };
}

templates! {
    "layout.html", "parts.html", "home.html", "venue.html", "book.html", "unknown.html", "booking.html", "cancel.html",
    "change.html", "correct.html", "pay.html", "receipt.html", "stand.html", "waiting.html", "notice.html",
    "numbers.html",
}

static ENVIRONMENT: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("fill", fill);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
});

/// Replaces `{name}` in a text by the arguments.
fn fill(text: &str, values: Kwargs) -> Result<String, Error> {
    let mut filled = text.to_owned();
    for name in values.args().map(str::to_owned).collect::<Vec<_>>() {
        let value: Value = values.get(&name)?;
        filled = filled.replace(&format!("{{{name}}}"), &value.to_string());
    }
    Ok(filled)
}

/// Renders the template `name`.
pub(super) fn render(name: &str, facts: Value) -> Result<String, Error> {
    let environment = ENVIRONMENT.as_ref().map_err(|error| Error::new(error.kind(), error.to_string()))?;
    environment.get_template(name)?.render(facts)
}

#[cfg(test)]
mod tests {
    use events::values::Locale;

    use super::*;
    use crate::pages::words;

    #[test]
    fn templates_are_valid_and_use_only_texts_that_exist() {
        assert!(ENVIRONMENT.is_ok(), "{:?}", ENVIRONMENT.as_ref().err());
        let texts = words::all(Locale::En);
        for (name, template) in TEMPLATES {
            let used = [" t.", "(t."].into_iter().flat_map(|before| template.split(before).skip(1));
            for rest in used {
                let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(texts.contains_key(&word), "{name} uses t.{word}");
            }
        }
    }
}
