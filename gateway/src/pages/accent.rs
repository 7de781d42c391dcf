//! The colour of a venue: a stylesheet that fits the colour to light and to dark pages.

/// Minimum contrast of text, WCAG 2.2, 1.4.3.
const CONTRAST_MIN: f64 = 4.6;

/// The backgrounds of the stylesheet on which text is hardest to read: the paper of light pages, the cards of dark ones.
const LIGHT: Colour = Colour([0xfb, 0xf8, 0xf3]);
const DARK: Colour = Colour([0x26, 0x22, 0x1e]);
const WHITE: Colour = Colour([0xff, 0xff, 0xff]);
const BLACK: Colour = Colour([0x14, 0x11, 0x0e]);

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    /// Parses six hexadecimal digits.
    fn parse(hex: &str) -> Option<Self> {
        let is_hex = hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        is_hex.then(|| Some(Self([part(0)?, part(2)?, part(4)?])))?
    }

    fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// Relative luminance, WCAG 2.2.
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Contrast ratio, WCAG 2.2.
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// A part of the way to `other`, of 20.
    fn towards(self, other: Self, steps: u16) -> Self {
        let mix = |at: usize| {
            let (one, two) = (u16::from(self.0[at]), u16::from(other.0[at]));
            u8::try_from((one * (20 - steps) + two * steps) / 20).unwrap_or(u8::MAX)
        };
        Self([mix(0), mix(1), mix(2)])
    }

    /// The nearest colour in which text on `background` can be read.
    fn readable_on(self, background: Self) -> Self {
        let away = if background.luminance() > 0.5 { BLACK } else { WHITE };
        let mut steps = (0..=20).map(|steps| self.towards(away, steps));
        steps.find(|colour| colour.contrast(background) >= CONTRAST_MIN).unwrap_or(away)
    }

    /// Black or white, whichever can be read better on it.
    fn text(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(BLACK) { WHITE } else { BLACK }
    }
}

/// The path of the stylesheet for a colour such as `#8a3b12`.
pub(super) fn stylesheet_for(colour: &str) -> Option<String> {
    let colour = Colour::parse(colour.strip_prefix('#')?)?;
    Some(format!("/assets/accent-{}.css", &colour.css()[1..]))
}

/// The stylesheet with this name.
pub(super) fn stylesheet(name: &str) -> Option<String> {
    let hex = name.strip_prefix("accent-")?.strip_suffix(".css")?;
    let colour = Colour::parse(hex)?;
    let rules = |background: Colour| {
        let accent = colour.readable_on(background);
        format!(":root{{--accent:{};--on-accent:{}}}", accent.css(), accent.text().css())
    };
    Some(format!("{}@media(prefers-color-scheme:dark){{{}}}", rules(LIGHT), rules(DARK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_on_light_and_on_dark_pages() {
        for hex in ["000000", "ffffff", "8a3b12", "ffff00", "0a6e4f", "777777", "0000ff", "ff0000"] {
            let colour = Colour::parse(hex).unwrap();
            for background in [LIGHT, DARK] {
                let accent = colour.readable_on(background);
                assert!(accent.contrast(background) >= 4.5, "{hex} on {}", background.css());
                assert!(accent.contrast(accent.text()) >= 4.5, "text on {}", accent.css());
            }
        }
    }

    #[test]
    fn only_colours_have_a_stylesheet() {
        assert_eq!(stylesheet_for("#8A3B12").as_deref(), Some("/assets/accent-8a3b12.css"));
        assert!(stylesheet("accent-8a3b12.css").unwrap().contains("--accent:#8a3b12"));
        for bad in ["accent-.css", "accent-8a3b1.css", "accent-zzzzzz.css", "style.css"] {
            assert_eq!(stylesheet(bad), None, "{bad}");
        }
        assert_eq!(stylesheet_for("red"), None);
    }
}
