//! QR codes, ISO/IEC 18004, as pictures in a page.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The white border around a code, in modules.
const QUIET: i32 = 4;

/// The code of `text` as SVG; `None` if the text is too long.
pub(super) fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            let run = i32::try_from(run).unwrap_or_default();
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run + 1;
        }
    }
    Some(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" aria-label="QR"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{path}"/></svg>"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_as_many_dark_modules_as_the_library_says() {
        let text = "http://127.0.0.1:8080/r/01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|&(x, y)| code.get_module(x, y)).count();
        let svg = svg(text).unwrap();
        let runs = svg.split('h').filter_map(|part| part.strip_suffix("v1"));
        let drawn: usize = runs.map(|run| run.parse::<usize>().unwrap()).sum();
        assert_eq!(drawn, dark);
        assert!(svg.len() < 8_000, "{} bytes", svg.len());
    }
}
