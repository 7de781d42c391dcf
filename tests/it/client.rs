//! The client of the stand: its types are those of the interface, its tests pass, and its built files are those of its sources.

use std::process::Command;

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
    let document = folder.path().join("openapi.json");
    std::fs::write(&document, pair.get("/openapi.json").await.to_string()).unwrap();
    script(&["check", "types", document.to_str().unwrap()]);
    script(&["check"]);
}
