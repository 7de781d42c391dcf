//! The contract of gRPC only grows: what was released keeps its number, its type and its place.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

/// Everything that was released, a line each.
const RELEASED: &str = include_str!("../../proto/released.txt");

/// A line for each field of a message, and of the messages in it.
fn fields(message: &MessageDescriptor, lines: &mut BTreeSet<String>) {
    for field in message.fields() {
        lines.insert(line(&field));
    }
    for inner in message.child_messages() {
        fields(&inner, lines);
    }
}

fn line(field: &FieldDescriptor) -> String {
    let label = match () {
        () if field.is_map() => "map ",
        () if field.is_list() => "repeated ",
        () if field.supports_presence() && field.kind().as_message().is_none() => "optional ",
        () => "",
    };
    format!("{} = {}: {label}{:?}", field.full_name(), field.number(), field.kind())
}

fn contract() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for message in rpc::descriptors().all_messages().filter(|message| message.package_name() == "meja.v1") {
        fields(&message, &mut lines);
    }
    for method in rpc::descriptors().services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let stream = if method.is_server_streaming() { "stream " } else { "" };
        lines.insert(format!(
            "rpc {}({}): {stream}{}",
            method.full_name(),
            method.input().full_name(),
            method.output().full_name()
        ));
    }
    lines
}

/// What `current` does not have any more, or has in another way.
fn broken<'a>(released: &'a str, current: &BTreeSet<String>) -> Vec<&'a str> {
    released.lines().filter(|line| !current.contains(*line)).collect()
}

#[test]
fn nothing_released_is_renumbered_changed_or_removed() {
    let current = contract();
    assert_eq!(broken(RELEASED, &current), Vec::<&str>::new(), "released, and not there any more");
    let released: BTreeSet<_> = RELEASED.lines().collect();
    let new: Vec<_> = current.iter().filter(|line| !released.contains(&line[..])).collect();
    if !new.is_empty() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        let text = current.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        });
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/released.txt");
        return std::fs::write(path, text).unwrap();
    }
    assert_eq!(new, Vec::<&String>::new(), "not in proto/released.txt: run this test with UPDATE_GOLDEN=1");
}

#[test]
fn the_check_finds_a_field_with_another_number_and_one_that_is_gone() {
    let current = contract();
    let line = current.iter().find(|line| line.starts_with("meja.v1.Money.currency")).unwrap();
    assert_eq!(broken(line, &current), Vec::<&str>::new());
    let changed = line.replace("= 2", "= 3");
    let gone = "meja.v1.Money.unit = 9: String";
    let released = format!("{changed}\n{gone}");
    assert_eq!(broken(&released, &current), [&changed[..], gone]);
}
