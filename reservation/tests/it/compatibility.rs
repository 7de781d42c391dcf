//! The test-suite of the FastAPI service whose contract Meja took over, as a table. Each case says what Meja answers,
//! and how that differs where it does.
//!
//! The cases are those of `tests/test_api.py` of its first and of its last version (A, B), of `tests/test_domain.py`
//! (D) and `tests/test_security.py` (S), and the two scenarios of its documentation that no test covers (X).

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;

struct Case {
    name: &'static str,
    /// How Meja differs; empty if it does not.
    difference: &'static str,
    steps: Vec<Step>,
}

/// A request, and the members that its response must have. A member that is null may be absent.
struct Step {
    method: &'static str,
    /// `{id}` is the reservation that the case created, `{other}` an id that does not exist.
    path: &'static str,
    body: Value,
    status: u16,
    members: Value,
}

fn get(path: &'static str, status: u16, members: Value) -> Step {
    Step { method: "GET", path, body: Value::Null, status, members }
}

fn post(path: &'static str, body: Value, status: u16, members: Value) -> Step {
    Step { method: "POST", path, body, status, members }
}

/// Its bodies have a fixed date that has passed; here it is a year later.
fn create() -> Step {
    let body = json!({"customer_id": Uuid::from_u128(42), "start_time": "2026-12-31T19:00:00", "duration_minutes": 90,
        "contact_info": {"name": "Budi", "phone": "0812-3456-7890", "email": "budi@test.com"}});
    let flat = json!({"customer_id": Uuid::from_u128(42), "status": "PENDING", "contact_name": "Budi",
        "start_time": "2026-12-31T19:00:00+07:00", "end_time": "2026-12-31T20:30:00+07:00", "table_area": null});
    post("/api/reservations", body, 200, flat)
}

/// The same guest again at the same time, as staff may book.
fn create_again() -> Step {
    let mut step = create();
    step.body["allow_duplicate"] = true.into();
    step
}

/// The body of the original cases, with a number that is too short for Indonesia.
fn short_phone() -> Step {
    let mut step = create();
    step.body["contact_info"]["phone"] = "0812345".into();
    Step { status: 422, members: json!({"code": "invalid_request"}), ..step }
}

const CONFIRM: &str = "/api/reservations/{id}/confirm";
const ONE: &str = "/api/reservations/{id}";

const ONE_OTHER: &str = "/api/reservations/{other}";

/// The method of a step that reads with a token that is not one of Meja.
const WRONG_TOKEN: &str = "WRONG TOKEN";

fn without_credential(path: &'static str) -> Step {
    let members = json!({"code": "credential_required"});
    Step { method: WRONG_TOKEN, path, body: Value::Null, status: 401, members }
}

fn command(name: &'static str, status: u16, members: Value) -> Step {
    let path = match name {
        "confirm" => CONFIRM,
        "check-in" => "/api/reservations/{id}/check-in",
        _ => "/api/reservations/{id}/complete",
    };
    post(path, Value::Null, status, members)
}

/// The time passes until the visit: Meja checks a party in on the business day of its visit.
fn the_visit_begins() -> Step {
    Step { method: CLOCK, path: "2026-12-31T12:00:00Z", body: Value::Null, status: 0, members: Value::Null }
}

/// The method of a step that sets the clock.
const CLOCK: &str = "CLOCK";

fn cancel(status: u16, members: Value) -> Step {
    let body = json!({"reason_code": "guest_request", "description": "Changed mind"});
    post("/api/reservations/{id}/cancel", body, status, members)
}

/// The reason code that the tests of the other services send.
fn cancel_with_other_code() -> Step {
    post("/api/reservations/{id}/cancel", json!({"reason_code": "REQ"}), 422, json!({}))
}

fn assign(area: &str, status: u16, members: Value) -> Step {
    let body = json!({"table_id": Uuid::from_u128(7), "capacity": 4, "area": area});
    post("/api/reservations/{id}/assign-table", body, status, members)
}

fn login() -> Step {
    post(
        "/api/token",
        json!({"username": "admin", "password": "password123"}),
        404,
        json!({"code": "not_found"}),
    )
}

fn same(name: &'static str, steps: Vec<Step>) -> Case {
    Case { name, difference: "", steps }
}

fn differs(name: &'static str, difference: &'static str, steps: Vec<Step>) -> Case {
    Case { name, difference, steps }
}

const NO_ACCOUNTS: &str = "Meja has no accounts and no /api/token";
const REFUSED: &str = "a refusal is 409 with a code, not 400";
const NO_PASSWORDS: &str = "Meja has keys instead of JWTs";

/// A reservation that does not exist.
fn missing() -> Step {
    get("/api/reservations/{other}", 404, json!({"code": "not_found"}))
}

fn first_version() -> Vec<Case> {
    let status = |word: &str| json!({"status": word});
    let unknown = |path, body| post(path, body, 404, json!({"code": "not_found"}));
    let unknown_table = json!({"table_id": Uuid::from_u128(7), "capacity": 4, "area": "Indoor"});
    let reason = json!({"reason_code": "guest_request", "description": "Changed mind"});
    vec![
        differs("A1 test_login_success", NO_ACCOUNTS, vec![login()]),
        differs("A2 test_login_fail", NO_ACCOUNTS, vec![login()]),
        differs(
            "A3 test_create_reservation",
            "a phone number must be valid, not only a text: the other cases use one that is",
            vec![short_phone(), create()],
        ),
        same("A4 test_get_reservation_success", vec![create(), get(ONE, 200, status("PENDING"))]),
        same("A5 test_get_reservation_not_found", vec![missing()]),
        same(
            "A6 test_confirm_reservation_success",
            vec![create(), command("confirm", 200, status("CONFIRMED"))],
        ),
        same(
            "A7 test_confirm_reservation_not_found",
            vec![unknown("/api/reservations/{other}/confirm", Value::Null)],
        ),
        same(
            "A8 test_assign_table_success",
            vec![create(), assign("Indoor", 200, json!({})), get(ONE, 200, json!({"table_area": "Indoor"}))],
        ),
        same(
            "A9 test_assign_table_not_found",
            vec![unknown("/api/reservations/{other}/assign-table", unknown_table)],
        ),
        differs(
            "A10 test_cancel_reservation_success",
            "a reason code is one of a list: the other cases use one that is",
            vec![create(), cancel_with_other_code(), cancel(200, status("CANCELLED"))],
        ),
        same(
            "A11 test_cancel_reservation_not_found",
            vec![unknown("/api/reservations/{other}/cancel", reason)],
        ),
        differs(
            "A12 test_domain_error_propagation",
            REFUSED,
            vec![
                create(),
                cancel(200, json!({})),
                command("confirm", 409, json!({"code": "reservation_cancelled"})),
            ],
        ),
        same("A13 test_unauthorized_access", vec![without_credential(ONE_OTHER)]),
    ]
}

fn last_version() -> Vec<Case> {
    let status = |word: &str| json!({"status": word});
    vec![
        differs("B1 test_login_success", NO_ACCOUNTS, vec![login()]),
        differs("B2 test_login_fail", NO_ACCOUNTS, vec![login()]),
        differs("B3 test_create_reservation", "the response is flat", vec![create()]),
        differs(
            "B4 test_get_reservation_success",
            "the response is flat, and without the e-mail address",
            vec![
                create(),
                get(ONE, 200, json!({"contact_name": "Budi", "email": null, "contact_info": null})),
            ],
        ),
        same("B5 test_get_reservation_not_found", vec![missing()]),
        differs(
            "B6 test_list_reservations",
            "a page is an object with items and next_cursor, not a bare list",
            vec![
                create(),
                Step { status: 409, members: json!({"code": "duplicate_booking"}), ..create() },
                create_again(),
                get("/api/reservations", 200, json!({"items": ["PENDING", "PENDING"]})),
                get("/api/reservations?status=PENDING", 200, json!({"items": ["PENDING", "PENDING"]})),
                get("/api/reservations?status=CONFIRMED", 200, json!({"items": []})),
            ],
        ),
        differs(
            "B7 test_full_business_flow",
            "the counts of /api/stats are under by_status, and a check-in before the day of the visit is 409 too_early",
            vec![
                create(),
                command("confirm", 200, status("CONFIRMED")),
                command("check-in", 409, json!({"code": "too_early"})),
                the_visit_begins(),
                command("check-in", 200, status("CHECKED_IN")),
                command("complete", 200, status("COMPLETED")),
                get(
                    "/api/stats",
                    200,
                    json!({"reservations": 1, "by_status": {"PENDING": 0, "CONFIRMED": 0,
                    "CHECKED_IN": 0, "COMPLETED": 1, "CANCELLED": 0, "NO_SHOW": 0}}),
                ),
            ],
        ),
        differs(
            "B8 test_invalid_checkin_flow",
            REFUSED,
            vec![create(), command("check-in", 409, json!({"code": "not_confirmed"}))],
        ),
        same(
            "B9 test_assign_table_success",
            vec![create(), assign("Indoor", 200, json!({})), get(ONE, 200, json!({"table_area": "Indoor"}))],
        ),
        same("B10 test_cancel_reservation_success", vec![create(), cancel(200, status("CANCELLED"))]),
        same("B11 test_unauthorized_access", vec![without_credential(ONE_OTHER)]),
    ]
}

fn of_domain_and_security() -> Vec<Case> {
    let status = |word: &str| json!({"status": word});
    let completed = || {
        vec![
            create(),
            command("confirm", 200, json!({})),
            the_visit_begins(),
            command("check-in", 200, json!({})),
            command("complete", 200, json!({})),
        ]
    };
    let malformed = json!({"detail": [{"loc": ["path", "reservation_id"], "type": "uuid_parsing", "input": "7",
        "msg": "\"7\" is not a valid reservation id: a UUID such as 01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"}]});
    vec![
        same("D1 test_reservation_creation", vec![create(), get(ONE, 200, json!({"version": 1}))]),
        same(
            "D2 test_confirm_reservation_logic",
            vec![create(), command("confirm", 200, json!({"status": "CONFIRMED", "version": 2}))],
        ),
        same(
            "D3 test_assign_table_logic",
            vec![create(), assign("Outdoor", 200, json!({"table_area": "Outdoor"}))],
        ),
        same("D4 test_cancel_reservation_logic", vec![create(), cancel(200, status("CANCELLED"))]),
        same(
            "D5 test_cannot_confirm_cancelled_reservation",
            vec![
                create(),
                cancel(200, json!({})),
                command("confirm", 409, json!({"code": "reservation_cancelled"})),
            ],
        ),
        same(
            "D6 test_cannot_assign_table_to_cancelled_reservation",
            vec![
                create(),
                cancel(200, json!({})),
                assign("Indoor", 409, json!({"code": "reservation_cancelled"})),
            ],
        ),
        same(
            "D7 test_cannot_cancel_completed_reservation",
            completed().into_iter().chain([cancel(409, json!({"code": "reservation_completed"}))]).collect(),
        ),
        differs("S1 test_password_hashing", NO_PASSWORDS, vec![]),
        differs("S2 test_jwt_creation_default", NO_PASSWORDS, vec![]),
        differs("S3 test_jwt_creation_custom_expire", NO_PASSWORDS, vec![]),
        differs(
            "S4 test_get_current_user_invalid_token",
            NO_PASSWORDS,
            vec![create(), without_credential("/api/reservations/{id}/contact")],
        ),
        differs("X3 an expired token is refused", NO_PASSWORDS, vec![]),
        same("X4 a malformed id in the path", vec![get("/api/reservations/7", 422, malformed)]),
    ]
}

#[tokio::test]
async fn the_cases_of_the_service_whose_contract_was_taken_over_are_answered_as_the_table_says() {
    let cases =
        first_version().into_iter().chain(last_version()).chain(of_domain_and_security()).collect::<Vec<_>>();
    assert_eq!(cases.len(), 37);
    for case in cases {
        assert!(!case.steps.is_empty() || !case.difference.is_empty(), "{} checks nothing", case.name);
        let app = TestApp::start().await;
        let mut id = String::new();
        for step in case.steps {
            if step.method == CLOCK {
                app.clock.set(step.path.parse().unwrap());
                continue;
            }
            let path = step.path.replace("{id}", &id).replace("{other}", &Uuid::from_u128(1).to_string());
            let request = match step.method {
                WRONG_TOKEN => Request::get(&path).header("authorization", "Bearer x"),
                method => Request::builder().method(method).uri(&path),
            };
            let answer = match step.body {
                Value::Null => app.send(request.body(Body::empty()).unwrap()).await,
                body => {
                    let request = request.header("content-type", "application/json");
                    app.send(request.body(Body::from(body.to_string())).unwrap()).await
                }
            };
            let said = format!("{}: {} {path}: {}", case.name, step.method, answer.text());
            assert_eq!(answer.status.as_u16(), step.status, "{said}");
            let answered = answer.json();
            for (name, expected) in step.members.as_object().unwrap() {
                match answered[name].as_array() {
                    // Of the items of a list the status.
                    Some(items) if name == "items" => {
                        let statuses: Vec<_> = items.iter().map(|item| item["status"].clone()).collect();
                        assert_eq!(Value::Array(statuses), *expected, "{said}");
                    }
                    _ => assert_eq!(&answered[name], expected, "{name} of {said}"),
                }
            }
            if let (true, Some(created)) = (id.is_empty(), answered["reservation_id"].as_str()) {
                created.clone_into(&mut id);
            }
        }
    }
}
