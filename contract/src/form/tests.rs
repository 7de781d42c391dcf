//! Which faults are found in a form, and how they are described.

use serde_json::json;

use super::*;

fn form(body: &Value) -> Form {
    Form::new(body.as_object().unwrap().clone())
}

fn locs(faults: &Faults) -> Vec<String> {
    faults.0.iter().map(|fault| format!("{}:{}", fault.loc.join("."), fault.r#type)).collect()
}

#[test]
fn all_faults_are_found_at_once() {
    let mut form = form(
        &json!({"name": 7, "size": 0, "contact": {"email": "", "fax": "1"}, "extra": null, "when": "x"}),
    );
    let name = form.text("name", 10);
    let size = form.integer("size", 1, 50);
    let contact = form.object("contact", |contact| {
        // Both are read before either is used: `?` at once would hide the second fault.
        let (email, phone) = (contact.text("email", 10), contact.text("phone", 10));
        Some((email?, phone?))
    });
    let when = form.optional_parsed("when", 10, str::parse::<u8>);
    let missing = form.text("missing", 10);
    let problem = form.finish(Some((name, size, contact, when, missing))).unwrap_err();
    assert_eq!(
        locs(&problem),
        [
            "body.name:string_type",
            "body.size:greater_than_equal",
            "body.contact.email:string_too_short",
            "body.contact.phone:missing",
            "body.contact.fax:extra_forbidden",
            "body.when:value_error",
            "body.missing:missing",
            "body.extra:extra_forbidden",
        ]
    );
}
