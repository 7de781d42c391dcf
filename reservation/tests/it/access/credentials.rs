//! Every kind of credential, and what it may do.

use access::link::{Link, LinkOf, LinkSecret};
use chrono::TimeDelta;
use events::PaymentId;
use events::values::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use super::table::Needs;
use crate::app::{TOKEN, TestApp};
use crate::browser::{Browser, PASSWORD, Staff, enrol, join, open_link};

const DAGO: &str = "bandung-dago";

const HOST: [&str; 4] = ["book", "read", "manage", "floor"];
const MANAGER: [&str; 5] = ["override", "stats", "audit", "payments", "rules"];
const OWNER: [&str; 3] = ["refund", "contact", "access"];

/// A kind of credential, and what it may do.
pub struct Credential {
    pub name: String,
    pub headers: Vec<(&'static str, String)>,
    /// Whether the service turns the request away, whatever it asks for.
    is_invalid: bool,
    /// Whether it counts as none.
    is_none: bool,
    scopes: Vec<&'static str>,
    /// Whether it is for the venue of the objects of the test.
    is_here: bool,
    is_everywhere: bool,
    /// Whether it is the link of a guest: to the objects of the test, or to others.
    guest: Option<bool>,
    /// Whether it is a session, and whether the identity was proved just now.
    session: Option<bool>,
    has_device: bool,
    /// Whether the identity was proved with a PIN.
    by_pin: bool,
    /// The kind of link for members of staff.
    link: Option<Needs>,
}

/// Operations that show what the caller may see, instead of one object, or whose request has a fault.
const LISTS: [&str; 12] = [
    "createKey",
    "getFloor",
    "eraseGuest",
    "findEvents",
    "getStats",
    "inviteStaff",
    "listDevices",
    "listKeys",
    "listReservations",
    "listStaff",
    "listWaitlist",
    "readEvents",
];
/// Operations that grant the roles of the person of the test: a host.
const GRANTS: [&str; 3] = ["changeRoles", "inviteStaffAgain", "recoverAuthenticator"];

impl Credential {
    fn key(name: &str, token: &str, scopes: Vec<&'static str>) -> Self {
        Self {
            name: name.to_owned(),
            headers: vec![("authorization", format!("Bearer {token}"))],
            is_invalid: false,
            is_none: false,
            scopes,
            is_here: true,
            is_everywhere: true,
            guest: None,
            session: None,
            has_device: false,
            by_pin: false,
            link: None,
        }
    }

    fn wrong(name: &str, token: &str) -> Self {
        Self { is_invalid: true, ..Self::key(name, token, vec![]) }
    }

    fn none(name: &str, headers: Vec<(&'static str, String)>) -> Self {
        Self { headers, is_none: true, ..Self::key(name, "", vec![]) }
    }

    fn session(name: &str, browser: &Browser, scopes: Vec<&'static str>, is_fresh: bool) -> Self {
        let headers = vec![("cookie", browser.cookies_line())];
        let has_device = browser.cookies.contains_key(access::cookies::DEVICE);
        let session = Some(is_fresh);
        Self { headers, is_everywhere: false, session, has_device, ..Self::key(name, "", scopes) }
    }

    /// The status that the table demands: 0 for any other than 401, 403 and 404.
    pub fn expected(&self, id: &str, needs: Needs) -> u16 {
        let is_admitted = match needs {
            _ if self.is_invalid => return 401,
            // The credential is in the path, and there is no such calendar.
            _ if id == "readCalendar" => return 404,
            Needs::Nothing => return 0,
            Needs::Own(_) if self.guest.is_some() => {
                // A guest has either a booking or an entry.
                let is_theirs =
                    self.guest == Some(true) && !id.contains("Waitlist") && !id.ends_with("Offer");
                return if is_theirs { 0 } else { 404 };
            }
            Needs::Person | Needs::FreshPerson => self.session.is_some(),
            Needs::Invitation | Needs::PasswordReset => self.link == Some(needs),
            Needs::Device => self.has_device,
            _ => self.scopes.contains(&needs.scope()),
        };
        match needs {
            _ if !is_admitted && self.is_none => 401,
            _ if !is_admitted => 403,
            Needs::Everywhere(_) if !self.is_everywhere => 403,
            _ if needs.needs_proof() && self.session == Some(false) => 401,
            Needs::FreshPerson if self.by_pin => 401,
            // Neither the session nor the calendar link in the path exists.
            _ if ["endSession", "revokeCalendarLink"].contains(&id) => 404,
            Needs::FreshPerson if id == "createCalendarLink" && !self.is_here => 404,
            Needs::Person | Needs::FreshPerson | Needs::Invitation | Needs::PasswordReset | Needs::Device => {
                0
            }
            _ if !self.is_here && !LISTS.contains(&id) => 404,
            // It needs what the cancellation of one booking needs too.
            _ if id == "cancelAffected" && !self.scopes.contains(&"manage") => 403,
            _ if GRANTS.contains(&id) && !HOST.iter().all(|scope| self.scopes.contains(scope)) => 403,
            _ => 0,
        }
    }
}

/// Creates a key. Returns it and its id.
pub async fn create_key(
    app: &TestApp,
    scopes: &[&str],
    venues: Value,
    expires_at: Value,
) -> (String, String) {
    let body = json!({"name": "test", "scopes": scopes, "venues": venues, "expires_at": expires_at});
    let answer = app.post("/api/access/keys", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let issued = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&issued["token"]), text(&issued["key"]["key_id"]))
}

/// Every kind of credential. `mine` and `other` are reservations.
pub async fn credentials(app: &TestApp, mine: &str, other: &str) -> Vec<Credential> {
    // The link of the guest is tried before it is renewed.
    let mut credentials = links(app, mine, other).await;
    // Their proofs are too old when the others are made.
    credentials.extend(of_staff(app, "stale", false).await);
    app.clock.advance(TimeDelta::minutes(6));
    credentials.extend(of_staff(app, "fresh", true).await);
    credentials.extend(at_stand(app).await);
    credentials.extend(keys(app).await);
    credentials
}

fn all_scopes() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.word()).collect()
}

async fn keys(app: &TestApp) -> Vec<Credential> {
    let all = all_scopes();
    let (here, _) = create_key(app, &all, json!([DAGO]), Value::Null).await;
    let (elsewhere, _) = create_key(app, &all, json!(["roma-trastevere"]), Value::Null).await;
    let soon = app.app.env.now() + TimeDelta::seconds(1);
    let (expired, _) = create_key(app, &all, Value::Null, json!(soon)).await;
    let (revoked, revoked_id) = create_key(app, &all, Value::Null, Value::Null).await;
    app.post(&format!("/api/access/keys/{revoked_id}/revoke"), &json!({})).await;
    let (rotated, rotated_id) = create_key(app, &all, Value::Null, Value::Null).await;
    app.post(&format!("/api/access/keys/{rotated_id}/rotate"), &json!({"overlap_hours": 0})).await;
    app.clock.advance(TimeDelta::seconds(1));
    let mut credentials = vec![
        Credential::none("none", vec![]),
        Credential::none(
            "of another system",
            vec![("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x".to_owned())],
        ),
        Credential::wrong("unknown key", "meja_unknown_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
        Credential::wrong("wrong secret", "meja_test_AAAAAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
        Credential::wrong("damaged key", &TOKEN[..TOKEN.len() - 1]),
        Credential::wrong("expired key", &expired),
        Credential::wrong("revoked key", &revoked),
        Credential::wrong("previous secret", &rotated),
        Credential::key("everything", TOKEN, all.clone()),
        Credential { is_everywhere: false, ..Credential::key("this venue", &here, all.clone()) },
        Credential {
            is_here: false,
            is_everywhere: false,
            ..Credential::key("another venue", &elsewhere, all.clone())
        },
    ];
    for scope in all {
        let (token, _) = create_key(app, &[scope], Value::Null, Value::Null).await;
        credentials.push(Credential::key(scope, &token, vec![scope]));
    }
    credentials
}

async fn links(app: &TestApp, mine: &str, other: &str) -> Vec<Credential> {
    let link_key = LinkSecret::new([7; 32]).key().unwrap();
    let pay = link_key.sign(Link { of: LinkOf::Payment(PaymentId(Uuid::from_u128(1))), generation: 0 });
    let of = LinkOf::Reservation(mine.parse().unwrap());
    let forged = LinkSecret::new([8; 32]).key().unwrap().sign(Link { of, generation: 0 });
    let guest = |name: &str, token: &str, is_theirs| Credential {
        guest: Some(is_theirs),
        ..Credential::key(name, token, vec![])
    };
    let of_staff = |name: &str, token: &str, link| Credential {
        link: Some(link),
        ..Credential::key(name, token, vec![])
    };
    let invited = json!({"email": "putu@warung-sinar.co.id", "name": "Putu", "roles": {"host": [DAGO]}});
    let invited = app.post("/api/access/staff", &invited).await.json();
    let invitation = open_link(app, invited["staff"]["staff_id"].as_str().unwrap(), "invitation").await;
    let mut sari = join(app, "forgetful", json!({"host": [DAGO]})).await;
    let asked = json!({"email": sari.email});
    sari.browser.post(app, "/api/password-resets", &asked).await;
    crate::sign_in::asked(app, 1).await;
    let reset = open_link(app, &sari.id, "password_reset").await;
    let browser = &sari.browser.cookies[access::cookies::BROWSER];
    vec![
        Credential::wrong("forged link", &forged),
        Credential::wrong("truncated link", &app.guest_link(mine).await[..40]),
        Credential::wrong("cookie of a browser as a link", browser),
        guest("link of the guest", &app.guest_link(mine).await, true),
        guest("link of another guest", &app.guest_link(other).await, false),
        guest("link to pay", &pay, false),
        of_staff("invitation", &invitation, Needs::Invitation),
        of_staff("password reset", &reset, Needs::PasswordReset),
    ]
}

/// A session of each role at the venue of the test, one at another venue, and the calendar link of a host.
async fn of_staff(app: &TestApp, word: &str, is_fresh: bool) -> Vec<Credential> {
    let with = async |name: &str, role: &str, venue: &str| -> Staff {
        join(app, &format!("{name}-{word}"), json!({role: [venue]})).await
    };
    let session = |name: &str, staff: &Staff, scopes: Vec<&'static str>| {
        Credential::session(&format!("{word} {name}"), &staff.browser, scopes, is_fresh)
    };
    let (host, manager, owner, foreign) = (
        with("host", "host", DAGO).await,
        with("manager", "manager", DAGO).await,
        with("owner", "owner", DAGO).await,
        with("foreign", "owner", "roma-trastevere").await,
    );
    let (of_manager, of_owner) = ([&HOST[..], &MANAGER].concat(), [&HOST[..], &MANAGER, &OWNER].concat());
    let mut ended = with("ended", "host", DAGO).await.browser;
    let dead = vec![("cookie", ended.cookies_line())];
    ended.delete(app, "/api/sessions/current").await;
    let mut with_calendar = with("calendar", "host", DAGO).await.browser;
    let path = format!("/api/account/calendars/{DAGO}");
    let calendar = with_calendar.put(app, &path, &json!({})).await.json();
    let calendar = calendar["token"].as_str().unwrap().to_owned();
    vec![
        session("host", &host, HOST.to_vec()),
        session("manager", &manager, of_manager),
        session("owner", &owner, of_owner.clone()),
        Credential { is_here: false, ..session("owner of another venue", &foreign, of_owner) },
        Credential::none("ended session", dead),
        Credential { is_everywhere: false, ..Credential::key("calendar link", &calendar, vec!["read"]) },
    ]
}

/// A device at the stand: alone, with a host who signed in with a PIN, and with a manager's approval.
async fn at_stand(app: &TestApp) -> Vec<Credential> {
    let (_, mut tablet) = enrol(app, DAGO).await;
    let with_pin = async |name: &str, role: &str| {
        let mut staff = join(app, name, json!({role: [DAGO]})).await;
        staff.browser.put(app, "/api/account/pin", &json!({"pin": "7294"})).await;
        staff.id
    };
    let (host, manager) = (with_pin("pin-host", "host").await, with_pin("pin-owner", "owner").await);
    let device = vec![("cookie", tablet.cookies_line())];
    let alone = Credential { has_device: true, ..Credential::none("device alone", device.clone()) };
    let approval = ("meja-approval", format!("{manager} 7294"));
    let of_manager = [&HOST[..], &MANAGER].concat();
    let approved = Credential {
        headers: [device, vec![approval]].concat(),
        has_device: true,
        is_everywhere: false,
        ..Credential::key("device with an owner's approval", "", of_manager)
    };
    let signed_in = tablet.post(app, "/api/sessions", &json!({"staff_id": host, "pin": "7294"})).await;
    assert_eq!(signed_in.status, 200, "{} {PASSWORD}", signed_in.text());
    let signed_in = Credential::session("host with a PIN", &tablet, HOST.to_vec(), true);
    vec![alone, approved, Credential { by_pin: true, ..signed_in }]
}
