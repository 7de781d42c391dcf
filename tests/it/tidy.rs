//! The rules for the sources: permitted imports, places of certain calls, lengths of files.

mod modules;

use std::path::{Path, PathBuf};

use self::modules::Modules;
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

/// Lines of code without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[track_caller]
fn absent(dir: &str, words: &[&str], why: &str) {
    let mut found = Vec::new();
    for (path, text) in sources(dir) {
        found.extend(
            code(&text)
                .filter(|line| {
                    // The modules of `contract` have the names of the services that they describe.
                    let line =
                        line.replace("contract::reservation::", "").replace("contract::notifier::", "");
                    words.iter().any(|word| line.contains(word))
                })
                .map(|line| format!("{}: {line}", path.display())),
        );
    }
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

/// The crates, in an order in which each imports only those before it.
const CRATES: [&str; 10] = [
    "events",
    "contract",
    "people",
    "chassis",
    "access",
    "rpc",
    "log-tools",
    "reservation",
    "notifier",
    "gateway",
];

#[test]
fn crates_import_only_lower_crates() {
    absent(
        "events/src",
        &["reservation::", "notifier::", "chassis::", "axum", "reqwest"],
        "events must not use a service",
    );
    absent(
        "contract/src",
        &["chassis::", "axum", "reqwest", "sled"],
        "contract must not use a server or a client",
    );
    absent(
        "chassis/src",
        &["events::", "reservation::", "notifier::", "sled"],
        "chassis must not use the domain",
    );
    absent(
        "access/src",
        &["reservation::", "notifier::", "log_tools::", "sled"],
        "access must not use a service",
    );
    absent("rpc/src", &["events::", "reservation::", "notifier::", "sled"], "rpc must not use a service");
    absent(
        "log-tools/src",
        &["reservation::", "notifier::", "sled::Config"],
        "log-tools must not use a service",
    );
    absent("people/src", &["contract::", "chassis::", "axum"], "people must not use a server");
    absent(
        "gateway/src",
        &["reservation::", "notifier::", "log_tools::", "sled"],
        "the gateway must use the services over the network only",
    );
    absent("reservation/src", &["notifier::"], "the services must not import each other");
    absent("notifier/src", &["reservation::"], "the services must not import each other");
}

fn modules(name: &str) -> Modules {
    let src = format!("{name}/src");
    Modules::read(&root().join(&src), &sources(&src))
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    for name in CRATES {
        assert_eq!(modules(name).circles(), Vec::<Vec<String>>::new(), "{name} has circular imports");
    }
}

/// The layers of each service, innermost first. A module imports only from its own layer and from inner layers.
const FLOORS: [(&str, &[&str]); 2] = [
    ("reservation", &["domain", "app", "workers", "api", "cli"]),
    (
        "notifier",
        &[
            "failpoint",
            "domain",
            "messages",
            "ports",
            "effects",
            "executors",
            "adapters",
            "reconciliation",
            "workers",
            "app",
            "api",
            "cli",
        ],
    ),
];

#[test]
fn floors_import_only_inner_floors() {
    for (name, floors) in FLOORS {
        let floor = |module: &[String]| {
            let first = module.first().unwrap_or_else(|| panic!("{name} has code in its root"));
            let floor = floors.iter().position(|floor| floor == first);
            floor.unwrap_or_else(|| panic!("{name}::{first} is not in a layer: {floors:?}"))
        };
        for (from, imports) in modules(name).all_imports().filter(|(from, _)| !from.is_empty()) {
            for to in imports.iter().filter(|to| !to.is_empty()) {
                assert!(floor(to) <= floor(from), "{name}: {} imports {}", from.join("::"), to.join("::"));
            }
        }
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
    let impure = [
        "async ",
        ".await",
        "std::fs",
        "tokio",
        "Uuid::new",
        "now()",
        "Environment",
        "reqwest",
        "axum",
        "println",
    ];
    absent("reservation/src/domain", &impure, "the domain does no I/O, reads no clock and creates no ids");
    absent_in(
        "notifier/src/domain/reaction.rs",
        &impure,
        "react does no I/O, reads no clock and creates no ids",
    );
}

/// Tests control the time, the ids and the random numbers.
#[test]
fn time_tasks_ids_and_randomness_come_from_the_environment() {
    let direct = [
        "Utc::now",
        "Instant::now",
        "SystemTime::now",
        "tokio::spawn",
        "tokio::time::sleep",
        "Uuid::new_v4",
        "Uuid::now_v7",
        "fastrand",
    ];
    for service in ["reservation", "notifier"] {
        absent(&format!("{service}/src"), &direct, "use the environment");
    }
}

/// A lock of the standard library is poisoned by a panic, which every user of the lock would have to handle.
#[test]
fn locks_are_those_of_parking_lot() {
    for dir in CRATES {
        absent(dir, &["PoisonError", ".lock().unwrap", "sync::Mutex<", "sync::RwLock<"], "use parking_lot");
    }
}

#[test]
fn each_service_appends_in_one_place() {
    for (service, place) in [("reservation", "app/executor.rs"), ("notifier", "effects.rs")] {
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

/// Errors carry a code. One file maps codes to statuses, and one file writes successful responses.
#[test]
fn only_problems_and_responses_know_status_codes() {
    // A witness answers with statuses of another protocol.
    let allowed = ["api/problem.rs", "api/http/respond.rs", "workers/witnesses.rs"]
        .map(|file| root().join("reservation/src").join(file));
    for (path, text) in sources("reservation/src") {
        let knows = code(&text).any(|line| line.contains("StatusCode"));
        assert!(!knows || allowed.contains(&path), "{} uses status codes", path.display());
    }
}

#[test]
fn command_handlers_do_not_branch() {
    let interfaces = ["api/http", "api/grpc"].map(|interface| format!("reservation/src/{interface}"));
    absent(&interfaces[0], &["grpc", "rpc::"], "the interfaces must not know each other");
    absent(&interfaces[1], &["api::http", "super::http"], "the interfaces must not know each other");
    absent_in(
        "reservation/src/api/http/commands.rs",
        &["if ", "match "],
        "handlers only read the request, run a command and respond",
    );
}

#[test]
fn files_stay_short() {
    for dir in CRATES.into_iter().chain(["tests"]) {
        for (path, text) in sources(dir) {
            let lines = text.lines().count();
            assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines; split it", path.display());
        }
    }
}

#[test]
fn nothing_is_half_done() {
    for dir in CRATES {
        absent(dir, &["todo!(", "unimplemented!(", "#[ignore"], "no stubs, no skipped tests");
        for (path, text) in sources(dir) {
            assert!(text.starts_with("//!"), "{} does not begin with a description", path.display());
        }
    }
}

/// The documents name a test for each promise, and the test exists.
#[test]
fn documents_name_tests_that_exist() {
    let tests: String = CRATES.into_iter().chain(["tests"]).flat_map(sources).map(|(_, text)| text).collect();
    let mut named = 0;
    for document in ["ARCHITECTURE.md", "docs/grpc.md", "docs/reliability.md"] {
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

/// A positive control: a planted violation is found.
#[test]
fn the_rules_can_fail() {
    assert_eq!(code("// tokio\nuse tokio;\n").collect::<Vec<_>>(), ["use tokio;"]);
    let planted =
        std::panic::catch_unwind(|| absent("tests/it", &["a_planted_", "violation_that_is_here"], "planted"));
    assert!(planted.is_err());
}
