//! The descriptions of both APIs as generators and their clients see them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use ::contract::conformance::{Description, Operation};
use serde_json::{Value, json};

use crate::mail_server::python;
use crate::services::{OWNER, Pair, root};

/// A command of the Node.js tools in `tests/clients/package.json`.
pub fn node_tool(name: &str) -> Command {
    let tool = root().join("target/tools/node/node_modules/.bin").join(name);
    assert!(tool.exists(), "{} is missing: run the tests with make test, which installs it", tool.display());
    let mut command = Command::new(tool);
    command.stdin(Stdio::null());
    command
}

fn done(command: &mut Command) -> Output {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
    output
}

/// Writes the description of each service to a file in `dir`, and returns the descriptions.
async fn descriptions(pair: &Pair, dir: &Path) -> [(&'static str, Value); 2] {
    let services = [("reservation", &pair.reservation_url), ("notifier", &pair.notifier_url)];
    let mut all = Vec::new();
    for (name, url) in services {
        let description = pair.get(&format!("{url}/openapi.json")).await;
        std::fs::write(dir.join(format!("{name}.json")), description.to_string()).unwrap();
        all.push((name, description));
    }
    all.try_into().unwrap()
}

fn validator(file: &Path) -> Command {
    let mut command = python();
    command.args(["-m", "openapi_spec_validator"]).arg(file);
    command
}

fn linter(file: &Path) -> Command {
    let mut command = node_tool("redocly");
    command.args(["lint", "--extends=recommended", "--format=json"]).arg(file);
    // The tool must not look for updates or report its use.
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn both_descriptions_are_valid() {
    let pair = Pair::running(&[]).await;
    let dir = tempfile::tempdir().unwrap();
    for (name, mut description) in descriptions(&pair, dir.path()).await {
        let file = dir.path().join(format!("{name}.json"));
        done(&mut validator(&file));
        done(&mut linter(&file));
        // Positive control: the tools object to a response without a description and to a repeated operation id.
        description["paths"]["/readyz"]["get"]["responses"]["200"]["description"] = Value::Null;
        std::fs::write(&file, description.to_string()).unwrap();
        assert!(!validator(&file).output().unwrap().status.success(), "{name}");
        description["paths"]["/readyz"]["get"]["responses"]["200"]["description"] = json!("Ready");
        description["paths"]["/readyz"]["get"]["operationId"] = json!("streamLog");
        std::fs::write(&file, description.to_string()).unwrap();
        assert!(!linter(&file).output().unwrap().status.success(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_typescript_client_takes_a_booking_through_its_life() {
    let pair = Pair::running(&[]).await;
    let dir = node_dir();
    descriptions(&pair, dir.path()).await;
    let sources = root().join("tests/clients/typescript");
    for file in ["booking.ts", "tsconfig.json"] {
        std::fs::copy(sources.join(file), dir.path().join(file)).unwrap();
    }
    for name in ["reservation", "notifier"] {
        let (from, to) = (dir.path().join(format!("{name}.json")), dir.path().join(format!("{name}.ts")));
        done(node_tool("openapi-typescript").arg(from).arg("-o").arg(to));
    }
    done(node_tool("tsc").arg("-p").arg(dir.path()));
    done(Command::new("node").arg(dir.path().join("out/booking.js")).args([
        &pair.reservation_url,
        &pair.notifier_url,
        OWNER,
    ]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_python_client_takes_a_booking_through_its_life() {
    let pair = Pair::running(&[]).await;
    let dir = tempfile::tempdir().unwrap();
    descriptions(&pair, dir.path()).await;
    let sources = root().join("tests/clients/python");
    for name in ["reservation", "notifier"] {
        let (mut generator, package) = (python(), format!("meja_{name}_client"));
        generator.args(["-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]);
        generator.arg("--config").arg(sources.join("generator.yaml"));
        generator.arg("--path").arg(dir.path().join(format!("{name}.json")));
        generator.arg("--output-path").arg(dir.path().join(package));
        done(&mut generator);
    }
    done(
        python()
            .arg(sources.join("booking.py"))
            .args([&pair.reservation_url, &pair.notifier_url, OWNER])
            .env("PYTHONPATH", dir.path()),
    );
}

/// A directory from which scripts of Node.js find the packages of the tests.
pub fn node_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let modules = root().join("target/tools/node/node_modules");
    std::os::unix::fs::symlink(modules, dir.path().join("node_modules")).unwrap();
    dir
}

fn node_script(dir: &Path, name: &str) -> Command {
    std::fs::copy(root().join("tests/clients/typescript").join(name), dir.join(name)).unwrap();
    let mut command = Command::new("node");
    command.arg(dir.join(name)).current_dir(dir);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_of_cloudevents_read_a_page_of_the_feed() {
    let pair = Pair::running(&[]).await;
    pair.book(6).await;
    pair.settled().await;
    let dir = node_dir();
    let javascript = done(node_script(dir.path(), "events.mjs").args([&pair.reservation_url, OWNER]));
    let script = root().join("tests/clients/python/events.py");
    let python = done(python().arg(script).args([&pair.reservation_url, OWNER]));
    let count = |output: &Output| String::from_utf8_lossy(&output.stdout).trim().parse::<usize>().unwrap();
    assert!(count(&javascript) > 2, "{}", count(&javascript));
    assert_eq!(count(&javascript), count(&python));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_the_feed_is_valid_and_names_every_event() {
    let pair = Pair::running(&[]).await;
    let document = pair.get("/asyncapi.json").await;
    let dir = node_dir();
    let file = dir.path().join("asyncapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let output = done(node_script(dir.path(), "asyncapi.mjs").arg(&file));
    let messages = String::from_utf8_lossy(&output.stdout).trim().parse::<usize>().unwrap();
    assert_eq!(messages, events::Event::TYPES.len());
    // Recorded events follow the described payloads.
    pair.book(6).await;
    pair.settled().await;
    for event in pair.events().await {
        let message = format!("/components/messages/{}/payload", event["type"].as_str().unwrap());
        let schema = json!({"$ref": format!("#{message}"), "components": document["components"]});
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        validator.validate(&event).unwrap_or_else(|error| panic!("{error}: {event}"));
    }
}

/// The rows of the table: the operations of both services with what they need.
fn access_rows(descriptions: &[(&'static str, Value); 2]) -> String {
    let mut rows = vec!["| service | operation | needs |\n|---|---|---|\n".to_owned()];
    for (service, document) in descriptions {
        for Operation { method, template, scope, schemes, needs_proof, .. } in
            Description::new(document.clone()).operations(&[])
        {
            let needs = match (&scope[..], schemes.last().map(String::as_str)) {
                ("", None) => "nothing".to_owned(),
                ("", Some("session")) => "a session".to_owned(),
                ("", Some("staff_link")) => "the link in the mail".to_owned(),
                ("", Some("device")) => "a device".to_owned(),
                (scope, Some("guest_link")) => format!("`{scope}`, or the guest's link"),
                (scope, _) => format!("`{scope}`"),
            };
            let of_all = &document["paths"][&template][method.to_lowercase()]["x-all-venues"];
            let needs = if *of_all == json!(true) { format!("{needs} for all venues") } else { needs };
            let needs = if needs_proof { format!("{needs}; a person proves the identity") } else { needs };
            rows.push(format!("| {service} | `{method} {template}` | {needs} |\n"));
        }
    }
    rows.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_access_is_the_one_of_the_descriptions() {
    let pair = Pair::running(&[]).await;
    let dir = tempfile::tempdir().unwrap();
    let rows = access_rows(&descriptions(&pair, dir.path()).await);
    let file = root().join("docs/access.md");
    let document = std::fs::read_to_string(&file).unwrap();
    let (text, table) = document.split_once("## Operations\n\n").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, format!("{text}## Operations\n\n{rows}")).unwrap();
        return;
    }
    assert_eq!(table, rows, "run this test with UPDATE_GOLDEN=1 to write the table");
}
