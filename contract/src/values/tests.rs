//! The schema of a value accepts exactly what the reader accepts.

use serde_json::{Value, json};

use super::*;
use crate::request::Member;

/// Whether the reader accepts `value`, and whether its schema does.
fn accepted<T: Member>(value: &Value) -> (bool, bool) {
    let mut form = Form::new([("value".to_owned(), value.clone())].into_iter().collect());
    let read = T::take(&mut form, "value").is_some();
    let schema = serde_json::to_value(T::schema()).unwrap();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    (read && form.finish(Some(())).is_ok(), validator.is_valid(value))
}

#[track_caller]
fn agree<T: Member>(values: &[(Value, bool)]) {
    for (value, expected) in values {
        assert_eq!(accepted::<T>(value), (*expected, *expected), "reader and schema for {value}");
    }
}

#[test]
fn readers_and_schemas_of_texts_agree() {
    agree::<Line<4>>(&[
        (json!("a b"), true),
        (json!("été!"), true),
        (json!(""), false),
        (json!("   "), false),
        (json!("\u{a0}\u{2003}"), false),
        (json!("a\nb"), false),
        (json!("a\u{85}b"), false),
        (json!("abcde"), false),
        (json!(4), false),
    ]);
    agree::<Prose<9>>(&[
        (json!("a\n\tb"), true),
        (json!("\n\n"), false),
        (json!("a\rb"), false),
        (json!("a\u{0}b"), false),
    ]);
    agree::<Code<8>>(&[
        (json!("a-B_9.x"), true),
        (json!("a b"), false),
        (json!("é"), false),
        (json!("abcdefghi"), false),
    ]);
}

#[test]
fn readers_and_schemas_of_numbers_agree() {
    agree::<Whole<1, 50>>(&[
        (json!(1), true),
        (json!(50), true),
        (json!(2.0), true),
        (json!(0), false),
        (json!(51), false),
        (json!(2.5), false),
        (json!(1e30), false),
        (json!("2"), false),
    ]);
    agree::<events::values::PartySize>(&[(json!(50), true), (json!(51), false)]);
    agree::<bool>(&[(json!(true), true), (json!("true"), false), (json!(1), false)]);
}

#[test]
fn readers_and_schemas_of_ids_agree() {
    let of = |length: usize| json!("x".repeat(length));
    agree::<events::TableId>(&[
        (json!("T 1_a-b.c"), true),
        (json!("Meja é"), true),
        (json!("T1 "), false),
        (json!(" T1"), false),
        (json!("01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"), true),
        (of(64), true),
        (of(65), false),
        (json!(" "), false),
        (json!("a/b"), false),
    ]);
    agree::<events::VenueId>(&[(json!("bandung-dago"), true), (json!("Bandung"), false), (of(65), false)]);
    agree::<events::CustomerId>(&[
        (json!("cust 42"), true),
        (json!(" "), false),
        (of(64), true),
        (of(65), false),
    ]);
    agree::<events::PaymentId>(&[
        (json!("01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"), true),
        (json!("01939f3e7b2a7c3d9e4f5a6b7c8d9e0f"), false),
        (json!("{01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f}"), false),
        (json!("01939f3e"), false),
    ]);
    agree::<events::values::Locale>(&[
        (json!("id"), true),
        (json!("en-GB"), true),
        (json!("EN_us"), true),
        (json!("de"), false),
        (json!("en-"), false),
        (json!("identical"), false),
    ]);
    agree::<events::values::Medium>(&[(json!("mail"), true), (json!("fax"), false)]);
    agree::<events::values::Initiator>(&[(json!("guest"), true), (json!("system"), false)]);
    agree::<events::event::GuestAnswer>(&[(json!("late"), true), (json!("maybe"), false)]);
    agree::<events::event::UndoneChange>(&[(json!("check_in"), true), (json!("confirmation"), false)]);
}

#[test]
fn readers_and_schemas_of_times_agree() {
    agree::<VenueTime>(&[
        (json!("2026-12-24T19:30"), true),
        (json!("2026-12-24 19:30:15"), true),
        (json!("2026-12-24T19:30:00.5"), true),
        (json!("2026-12-24T19:30:00+07:00"), true),
        (json!("2026-12-24T12:30:00Z"), true),
        (json!("2026-12-24"), false),
        (json!("2026-13-24T19:30"), false),
        (json!("24.12.2026 19:30"), false),
        (json!("2026-12-24T24:30"), false),
        (json!("2026-12-24T19:30+07:00"), true),
        (json!("2026-12-24T9:30"), false),
        (json!("2026-12-24T9:05+07:00"), false),
    ]);
    agree::<chrono::NaiveDate>(&[
        (json!("2026-12-24"), true),
        (json!("2026-2-4"), false),
        (json!("2026-02-30"), false),
        (json!("24.12.2026"), false),
    ]);
    agree::<chrono::DateTime<chrono::Utc>>(&[
        (json!("2026-12-24T19:30:00+07:00"), true),
        (json!("2026-12-24T19:30"), false),
    ]);
    agree::<AsOf>(&[(json!("2026-12-24T19:30:00Z"), true), (json!("yesterday"), false)]);
}

/// A position is a number in a query: every one that the schema allows is read, also beyond the last position.
#[test]
fn every_position_of_the_schema_is_read_as_of() {
    for text in ["0", "42", "18446744073709551615", "18446744073709551616", "99999999999999999999999999"] {
        let mut form = Form::query([("as_of".to_owned(), text.to_owned())]);
        let taken = <AsOf as Scalar>::take(&mut form, "as_of");
        assert!(matches!(taken, Some(AsOf::Position(_))), "{text}: {taken:?}");
    }
}

/// In a query every value is text.
#[test]
fn numbers_and_booleans_of_a_query_are_parsed() {
    let mut form =
        Form::query([("limit", "20"), ("all", "true"), ("size", "2x")].map(|(a, b)| (a.into(), b.into())));
    assert_eq!(<Whole<1, 50> as Scalar>::take(&mut form, "limit").map(Whole::get), Some(20));
    assert_eq!(<bool as Scalar>::take(&mut form, "all"), Some(true));
    assert_eq!(<Whole<1, 50> as Scalar>::take(&mut form, "size"), None);
    let faults = form.finish(Some(())).unwrap_err();
    assert_eq!(faults.0[0].loc, ["query", "size"]);
    assert_eq!(faults.0[0].r#type, "int_type");
}

/// Where a schema cannot express a rule, the fault is not one that the schema could have excluded.
#[test]
fn a_rule_beyond_the_schema_has_its_own_type_of_fault() {
    let kind = |form: &mut Form, read: bool| {
        assert!(!read);
        std::mem::replace(form, Form::new(serde_json::Map::new())).finish(Some(())).unwrap_err().0[0]
            .r#type
            .clone()
    };
    let form = |text: &str| Form::new([("value".to_owned(), json!(text))].into_iter().collect());
    for (text, expected) in [("T1\u{200b}", "value_error"), ("T/1", "string_pattern_mismatch")] {
        let mut form = form(text);
        let read = <events::TableId as Scalar>::take(&mut form, "value").is_some();
        assert_eq!(kind(&mut form, read), expected, "{text:?}");
    }
    for (text, expected) in [("2026-02-30T19:30", "value_error"), ("30.2.2026", "datetime_parsing")] {
        let mut form = form(text);
        let read = <VenueTime as Scalar>::take(&mut form, "value").is_some();
        assert_eq!(kind(&mut form, read), expected, "{text:?}");
    }
}
