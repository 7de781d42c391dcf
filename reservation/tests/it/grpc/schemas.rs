//! The messages have the fields that the descriptions of the JSON interface have, with the same types.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;

use crate::app::TestApp;

/// Each message with its schema.
const SAME: [(&str, &str); 36] = [
    ("Venue", "VenueView"),
    ("Profile", "ProfileView"),
    ("WeeklyService", "ServiceView"),
    ("PolicyWords", "PolicyWords"),
    ("Day", "Day"),
    ("Slot", "SlotView"),
    ("ListDaysResponse", "Days"),
    ("DaySummary", "DayView"),
    ("Reservation", "ReservationView"),
    ("AssignedTable", "TableView"),
    ("Charge", "DepositView"),
    ("DepositPayment", "PaymentView"),
    ("Policy", "PolicyView"),
    ("NoShowFee", "FeeView"),
    ("Cancellation", "CancellationView"),
    ("Attendance", "AttendanceView"),
    ("ContactProof", "ContactProofView"),
    ("GuestLink", "GuestLinkView"),
    ("ListChargesResponse", "Charges"),
    ("RulesVersion", "RulesView"),
    ("ChargeEntry", "ChargeView"),
    ("Balance", "Balance"),
    ("WaitlistEntry", "WaitlistView"),
    ("Offer", "OfferView"),
    ("OfferedTable", "TableOffer"),
    ("CreateReservationRequest", "CreateReservation"),
    ("ContactInfo", "ContactInfo"),
    ("RescheduleReservationRequest", "Reschedule"),
    ("ChangePartySizeRequest", "ChangePartySize"),
    ("CorrectReservationRequest", "CorrectReservation"),
    ("CancelReservationRequest", "Cancel"),
    ("RenewDepositRequest", "RenewDeposit"),
    ("AnswerQuestionRequest", "AnswerQuestion"),
    ("ProveContactRequest", "ProveContact"),
    ("JoinWaitlistRequest", "JoinWaitlist"),
    ("AcceptOfferRequest", "AcceptOffer"),
];

/// Fields that stand in the path there, or that a message needs because it cannot say null.
const ONLY_HERE: [&str; 3] = ["reservation_id", "waitlist_id", "removed_fields"];

fn members(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The JSON types that a schema allows, without null.
fn types(document: &Value, schema: &Value) -> BTreeSet<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.trim_start_matches('#')).unwrap();
        return types(document, found);
    }
    let mut all = BTreeSet::new();
    for alternatives in ["oneOf", "anyOf", "allOf"] {
        all.extend(
            schema[alternatives].as_array().into_iter().flatten().flat_map(|inner| types(document, inner)),
        );
    }
    match &schema["type"] {
        Value::String(one) => {
            all.insert(one.clone());
        }
        Value::Array(several) => all.extend(several.iter().map(|one| one.as_str().unwrap().to_owned())),
        _ => {}
    }
    all.remove("null");
    all
}

/// The JSON type that a field has in a message.
fn json_type(field: &FieldDescriptor) -> &'static str {
    match field.kind() {
        _ if field.is_map() => "object",
        _ if field.is_list() => "array",
        Kind::Bool => "boolean",
        Kind::Double | Kind::Float => "number",
        Kind::String | Kind::Bytes | Kind::Enum(_) => "string",
        // A timestamp is a string in JSON.
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => "string",
        Kind::Message(_) => "object",
        _ => "integer",
    }
}

/// How a message and a schema differ.
fn differences(document: &Value, message: &MessageDescriptor, name: &str) -> Vec<String> {
    let schema = &document["components"]["schemas"][name];
    if schema.is_null() {
        return vec![format!("there is no schema {name}")];
    }
    let there = members(schema);
    let here: BTreeSet<_> = message.fields().map(|field| field.name().to_owned()).collect();
    let mut found: Vec<_> =
        there.difference(&here).map(|field| format!("{name}.{field} is missing here")).collect();
    for field in message.fields() {
        match there.contains(field.name()) {
            false if ONLY_HERE.contains(&field.name()) => {}
            false => found.push(format!("{}.{} is only here", message.name(), field.name())),
            true => {
                let types = types(document, &schema["properties"][field.name()]);
                let here = json_type(&field);
                let fits = types.contains(here) || (here == "number" && types.contains("integer"));
                if !fits {
                    found.push(format!("{name}.{} is {types:?}, here {here}", field.name()));
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn messages_have_the_fields_and_the_types_of_the_schemas() {
    let app = TestApp::with_houses().await;
    let document: Value = serde_json::from_str(&app.get("/openapi.json").await.text()).unwrap();
    let message = |name: &str| rpc::descriptors().get_message_by_name(&format!("meja.v1.{name}")).unwrap();
    let found: Vec<_> =
        SAME.iter().flat_map(|(name, schema)| differences(&document, &message(name), schema)).collect();
    assert_eq!(found, Vec::<String>::new());
    // The check sees a message that does not fit its schema.
    assert!(differences(&document, &message("Offer"), "ReservationView").len() > 10);
}
