//! The fuzzer as each role: whatever the role may do, no request is answered wrongly.

use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};

use super::{Pair, anonymous_client, fuzz_for};
use crate::services::{OWNER, booking};

/// How long each role is fuzzed, in seconds, unless `MEJA_FUZZ_SECONDS` says otherwise.
const SECONDS_DEFAULT: u32 = 20;

/// The session of a person with `role` at all venues.
async fn session(pair: &Pair, role: &str) -> String {
    let client = anonymous_client();
    let post = |path: &str| client.post(format!("{}{path}", pair.reservation_url));
    let invited = post("/api/access/staff").bearer_auth(OWNER).json(&json!({"roles": {role: ["*"]}}));
    let invited: Value = invited.send().await.unwrap().json().await.unwrap();
    let link = invited["invitation"]["token"].as_str().unwrap();
    let entered = json!({"password": "kelapa motor sunyi bendera", "name": "Sari", "email": format!("{role}@warung-sinar.co.id")});
    let joined = post("/api/invitation/accept").bearer_auth(link).json(&entered).send().await.unwrap();
    let cookie = joined.headers()[SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

/// A key of a restaurant.
async fn key(pair: &Pair) -> String {
    let scopes = ["book", "read", "manage", "floor", "contact", "stats", "feed", "audit", "rules"];
    let body = json!({"name": "till", "scopes": scopes, "venues": ["bandung-dago"]});
    let (status, created) = pair.post("/api/access/keys", &body).await;
    assert_eq!(status, 200, "{created}");
    created["token"].as_str().unwrap().to_owned()
}

/// The guest link of a new booking.
async fn link(pair: &Pair) -> String {
    let mut body = booking(2);
    let start = chrono::DateTime::parse_from_rfc3339(body["start_time"].as_str().unwrap()).unwrap();
    body["start_time"] = json!(format!("{}T19:00", start.date_naive()));
    let (status, booked) = pair.post("/api/reservations", &body).await;
    assert_eq!(status, 200, "{booked}");
    booked["guest_link"]["token"].as_str().unwrap().to_owned()
}

async fn fuzz_as(role: &str) {
    let mut pair = Pair::prepared(&[]);
    pair.venues = crate::venues::without_holidays(&pair);
    pair.start_reservation().await;
    let credential = match role {
        "stranger" => ("MEJA_AS_TOKEN", String::new()),
        "guest" => ("MEJA_AS_TOKEN", link(&pair).await),
        "key" => ("MEJA_AS_TOKEN", key(&pair).await),
        role => ("MEJA_AS_SESSION", session(&pair, role).await),
    };
    // It would end the credential that it presents.
    let ends = ["signOut", "endSession", "removeStaff", "changeRoles"];
    let ends: Vec<_> = ends.iter().flat_map(|id| ["--exclude-operation-id", *id]).collect();
    let more = [&["--exclude-path", "/api/log"][..], &ends].concat();
    fuzz_for(
        SECONDS_DEFAULT,
        "roles.toml",
        &pair,
        &pair.reservation_url,
        &more,
        std::slice::from_ref(&credential),
    )
    .await;
    // The credential was valid until the end: otherwise everything would have been refused.
    let (name, value) = credential;
    let probe = if role == "guest" { "/api/venues" } else { "/api/reservations?limit=1" };
    let request = anonymous_client().get(format!("{}{probe}", pair.reservation_url));
    let request = match name {
        _ if role == "stranger" => return,
        "MEJA_AS_TOKEN" => request.bearer_auth(value),
        _ => request.header("cookie", format!("__Host-meja_session={value}")),
    };
    assert_eq!(request.send().await.unwrap().status(), 200, "{role}");
}

macro_rules! roles {
    ($($test:ident as $role:literal,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                fuzz_as($role).await;
            }
        )+
    };
}

roles! {
    nothing_that_a_stranger_sends_is_answered_wrongly as "stranger",
    nothing_that_a_guest_sends_is_answered_wrongly as "guest",
    nothing_that_a_restaurant_sends_is_answered_wrongly as "key",
    nothing_that_a_host_sends_is_answered_wrongly as "host",
    nothing_that_a_manager_sends_is_answered_wrongly as "manager",
    nothing_that_an_owner_sends_is_answered_wrongly as "owner",
}
