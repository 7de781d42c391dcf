//! The rules that the sources keep: who may import whom, what stands where, how long files are.

use std::path::{Path, PathBuf};

use crate::services::root;

const FILE_LINES_MAX: usize = 400;

fn sources(dir: &str) -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(dir), &mut found);
    assert!(!found.is_empty(), "{dir} has no sources");
    found
}

/// Lines of code, without comments and strings of documentation.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[track_caller]
fn absent(dir: &str, words: &[&str], why: &str) {
    let mut found = Vec::new();
    for (path, text) in sources(dir) {
        found.extend(
            code(&text)
                .filter(|line| words.iter().any(|word| line.contains(word)))
                .map(|line| format!("{}: {line}", path.display())),
        );
    }
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

#[test]
fn imports_point_one_way() {
    absent(
        "events/src",
        &["reservation::", "notifier::", "chassis::", "axum", "reqwest"],
        "events knows no service",
    );
    absent("chassis/src", &["events::", "reservation::", "notifier::", "sled"], "chassis knows no table");
    absent("logbook/src", &["reservation::", "notifier::", "sled::Config"], "a logbook is of any service");
    absent("reservation/src", &["notifier::"], "the services do not know each other");
    absent("notifier/src", &["reservation::"], "the services do not know each other");
    let inward = ["crate::outbox", "crate::worker", "crate::journal", "crate::http", "crate::app"];
    absent("notifier/src/gateway", &inward, "gateways know the outside, not the inside");
    let outward = [
        "crate::http",
        "crate::handle",
        "crate::views",
        "crate::app",
        "crate::stream",
        "crate::record",
        "crate::venues",
        "crate::deadlines",
    ];
    absent("reservation/src/domain", &outward, "the domain knows nothing around it");
    for file in ["handle.rs", "views.rs", "stream.rs", "record.rs", "deadlines.rs"] {
        absent_in(
            &format!("reservation/src/{file}"),
            &["crate::http", "crate::app", "axum"],
            "the inside knows no door",
        );
    }
}

#[track_caller]
fn absent_in(file: &str, words: &[&str], why: &str) {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let found: Vec<_> = code(&text).filter(|line| words.iter().any(|word| line.contains(word))).collect();
    assert!(found.is_empty(), "{file}: {why}: {found:?}");
}

#[test]
fn the_domain_and_the_reaction_are_pure() {
    let impure =
        ["async ", ".await", "std::fs", "tokio", "Uuid::new", "now()", "Clock", "reqwest", "axum", "println"];
    absent("reservation/src/domain", &impure, "the domain does no I/O, reads no clock and makes no ids");
    absent_in("notifier/src/reaction.rs", &impure, "react does no I/O, reads no clock and makes no ids");
}

#[test]
fn each_service_appends_in_one_place() {
    for (service, place) in [("reservation", "handle.rs"), ("notifier", "outbox.rs")] {
        let appends: Vec<_> = sources(&format!("{service}/src"))
            .into_iter()
            .flat_map(|(path, text)| {
                vec![
                    path;
                    code(&text)
                        .filter(|line| line.contains(".append(") && !line.contains(".append(true)"))
                        .count()
                ]
            })
            .collect();
        assert_eq!(appends, [root().join(service).join("src").join(place)]);
    }
}

#[test]
fn handlers_neither_branch_nor_know_numbers() {
    let numbers: Vec<_> = sources("reservation/src/domain")
        .into_iter()
        .filter(|(_, text)| text.contains("StatusCode"))
        .collect();
    assert!(numbers.is_empty(), "domain errors carry a word, not a number");
    absent_in(
        "reservation/src/http/commands.rs",
        &["if ", "match "],
        "command handlers extract, order and answer",
    );
}

#[test]
fn files_stay_short() {
    for dir in ["events", "chassis", "logbook", "reservation", "notifier", "tests"] {
        for (path, text) in sources(dir) {
            let lines = text.lines().count();
            assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines: is it one thing?", path.display());
        }
    }
}

#[test]
fn nothing_is_half_done() {
    for dir in ["events", "chassis", "logbook", "reservation", "notifier"] {
        absent(dir, &["todo!(", "unimplemented!(", "#[ignore"], "no stubs, no skipped tests");
        for (path, text) in sources(dir) {
            assert!(text.starts_with("//!"), "{} does not say what it is", path.display());
        }
    }
}

/// What the documents promise is named with its test, and the test is there.
#[test]
fn documents_name_tests_that_exist() {
    let tests: String = ["events", "chassis", "logbook", "reservation", "notifier", "tests"]
        .iter()
        .flat_map(|dir| sources(dir))
        .map(|(_, text)| text)
        .collect();
    let mut named = 0;
    for document in ["ARCHITECTURE.md", "docs/reliability.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let Some((module, test)) = quoted.rsplit_once("::") else { continue };
            let is_test = test.contains('_')
                && module.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | ':' | '*'));
            if is_test {
                named += 1;
                assert!(
                    tests.contains(&format!("fn {test}(")) || tests.contains(&format!("fn {test}<")),
                    "{document} names {quoted}"
                );
            }
        }
    }
    assert!(named > 15, "only {named} tests are named");
}

/// The checker is checked: a planted violation is found.
#[test]
fn the_rules_can_fail() {
    assert_eq!(code("// tokio\nuse tokio;\n").collect::<Vec<_>>(), ["use tokio;"]);
    let planted =
        std::panic::catch_unwind(|| absent("tests/it", &["a_planted_", "violation_that_is_here"], "planted"));
    assert!(planted.is_err());
}
