//! The client of the stand: its types are those of the interface, its tests pass, and its built files are those of its sources.

use std::collections::BTreeMap;
use std::process::Command;

use events::values::Currency;

use crate::services::{Pair, root};

fn script(arguments: &[&str]) {
    let output =
        Command::new("bash").arg("scripts/client.sh").args(arguments).current_dir(root()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_client_is_what_its_sources_and_the_interface_say() {
    let pair = Pair::running(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let [reservation, notifier] = ["reservation.json", "notifier.json"].map(|name| folder.path().join(name));
    std::fs::write(&reservation, pair.get("/openapi.json").await.to_string()).unwrap();
    std::fs::write(&notifier, pair.get(&format!("{}/openapi.json", pair.notifier_url)).await.to_string())
        .unwrap();
    script(&["check", "types", reservation.to_str().unwrap(), notifier.to_str().unwrap()]);
    script(&["check"]);
}

/// `UPDATE_GOLDEN=1` writes the file.
#[test]
fn the_client_counts_the_decimals_of_a_currency_as_the_services_do() {
    let letters = || (b'A'..=b'Z').map(char::from);
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let known = codes.filter_map(|code| Some((Currency::from_code(&code)?.decimals(), code)));
    let exceptions: BTreeMap<_, _> =
        known.filter(|(decimals, _)| *decimals != 2).map(|(decimals, code)| (code, decimals)).collect();
    assert_eq!((exceptions.get("JPY"), exceptions.get("BHD")), (Some(&0), Some(&3)));
    let file = root().join("gateway/client/src/rules/decimals.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&exceptions).unwrap() + "\n").unwrap();
    }
    let kept: BTreeMap<String, u16> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(kept, exceptions);
}
