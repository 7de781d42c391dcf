//! The API: the requests, and the faults.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bank, Books, Intent, Refund, SECRET_KEY, seconds};

type Form = BTreeMap<String, String>;
type Answer = (u16, Value);

/// A fault injected into a request.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    LostOnTheWay,
    AnswerLost,
    FailedBefore,
    FailedAfter,
    Busy,
    Slow,
}

const FAULTS: [Fault; 6] = [
    Fault::LostOnTheWay,
    Fault::AnswerLost,
    Fault::FailedBefore,
    Fault::FailedAfter,
    Fault::Busy,
    Fault::Slow,
];

pub(super) async fn answer(
    State(bank): State<Bank>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let shown = headers.get("authorization").and_then(|value| value.to_str().ok());
    if shown != Some(&format!("Bearer {SECRET_KEY}")) {
        return said(error(401, "no such key"));
    }
    let fault = (fastrand::u8(0..100) < bank.0.behaviour.faults_percent)
        .then(|| FAULTS[fastrand::usize(..FAULTS.len())]);
    match fault {
        Some(Fault::LostOnTheWay) => drop_connection(),
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_millis(200)).await,
        Some(Fault::Busy) => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "{}").into_response();
        }
        _ => {}
    }
    let text = if method == Method::GET { uri.query().unwrap_or("").to_owned() } else { text(&body) };
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let asked = format!("{method} {} {text}", uri.path());
    if let Some(key) = key
        && let Some((before, status, body)) = bank.books().answers.get(key).cloned()
    {
        if before != asked {
            return said(error(400, "this key was used for a different request"));
        }
        return said((status, body));
    }
    let answer = match fault {
        Some(Fault::FailedBefore) => error(500, "an internal error"),
        fault => {
            let done = bank.act(&method, uri.path(), &form(&text));
            if fault == Some(Fault::FailedAfter) { error(500, "an internal error") } else { done }
        }
    };
    if let Some(key) = key.filter(|_| method == Method::POST) {
        bank.books().answers.insert(key.to_owned(), (asked, answer.0, answer.1.clone()));
    }
    if fault == Some(Fault::AnswerLost) {
        drop_connection();
    }
    said(answer)
}

/// Ends the task of the connection, and so the connection, without a response.
fn drop_connection() -> ! {
    std::panic::resume_unwind(Box::new("the connection is dropped on purpose"))
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

fn form(text: &str) -> Form {
    let url = reqwest::Url::parse(&format!("http://bank/?{text}")).unwrap();
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn error(status: u16, message: &str) -> Answer {
    (status, json!({"error": {"message": message}}))
}

fn said((status, body): Answer) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn metadata(form: &Form) -> Value {
    let named = form.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
        Some((name.to_owned(), json!(value)))
    });
    Value::Object(named.collect())
}

fn list<T>(form: &Form, items: impl Iterator<Item = T>, id: fn(&T) -> &str, json: fn(&T) -> Value) -> Answer {
    let limit = form.get("limit").map_or(10, |limit| limit.parse::<usize>().unwrap());
    let mut items: Vec<T> = items.collect();
    if let Some(after) = form.get("starting_after") {
        let place = items.iter().position(|item| id(item) == after).unwrap();
        items.drain(..=place);
    }
    let has_more = items.len() > limit;
    let data: Vec<_> = items.iter().take(limit).map(json).collect();
    (200, json!({"object": "list", "data": data, "has_more": has_more}))
}

impl Bank {
    fn act(&self, method: &Method, path: &str, form: &Form) -> Answer {
        let parts: Vec<_> = path.trim_start_matches("/v1/").split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("POST", ["payment_intents"]) => self.create_intent(form),
            ("GET", ["payment_intents"]) => {
                let books = self.books();
                list(form, books.intents.iter().rev(), |intent| &intent.id, |intent| intent.json())
            }
            ("GET", ["payment_intents", id]) => {
                self.books().intent(id).map_or(error(404, "no such payment"), |intent| (200, intent.json()))
            }
            ("POST", ["payment_intents", id, "cancel"]) => self.cancel(id),
            ("POST", ["refunds"]) => self.refund(form),
            ("GET", ["refunds"]) => {
                let books = self.books();
                let of = form.get("payment_intent");
                let wanted = books.refunds.iter().rev().filter(|r| of.is_none_or(|id| r.intent == *id));
                list(form, wanted, |refund| &refund.id, |refund| refund.json())
            }
            _ => error(404, "no such path"),
        }
    }

    fn create_intent(&self, form: &Form) -> Answer {
        let intent = Intent {
            id: format!("pi_{}", Uuid::new_v4().simple()),
            amount: form["amount"].parse().unwrap(),
            currency: form["currency"].clone(),
            status: "requires_payment_method",
            created: seconds(),
            metadata: metadata(form),
        };
        let (id, answer) = (intent.id.clone(), intent.json());
        {
            let mut books = self.books();
            let place = books.intents.len();
            books.by_id.insert(id.clone(), place);
            books.intents.push(intent);
        }
        if self.0.behaviour.guests_pay {
            self.send_a_guest(id);
        }
        (200, answer)
    }

    fn cancel(&self, id: &str) -> Answer {
        let mut books = self.books();
        match books.intent_mut(id) {
            None => error(404, "no such payment"),
            Some(intent) if intent.status == "requires_payment_method" => {
                intent.status = "canceled";
                (200, intent.json())
            }
            Some(_) => error(400, "this payment can no longer be cancelled"),
        }
    }

    fn refund(&self, form: &Form) -> Answer {
        let (id, amount) = (form["payment_intent"].as_str(), form["amount"].parse::<i64>().unwrap());
        let mut books = self.books();
        let Some(intent) = books.intent(id).filter(|intent| intent.status == "succeeded").cloned() else {
            return error(400, "nothing was paid");
        };
        let gone: i64 = books.refunds.iter().filter(|r| r.intent == id).map(|r| r.amount).sum();
        if gone + amount > intent.amount {
            return error(400, "the amount exceeds the remainder of the payment");
        }
        let name = format!("re_{}", Uuid::new_v4().simple());
        let metadata = metadata(form);
        let refund = Refund { id: name.clone(), intent: id.to_owned(), amount, created: seconds(), metadata };
        let answer = refund.json();
        books.refunds.push(refund);
        drop(books);
        self.note("refund", &intent.metadata["meja_payment_id"], amount, &name);
        (200, answer)
    }
}

impl Books {
    pub(super) fn intent(&self, id: &str) -> Option<&Intent> {
        self.by_id.get(id).map(|place| &self.intents[*place])
    }

    pub(super) fn intent_mut(&mut self, id: &str) -> Option<&mut Intent> {
        self.by_id.get(id).map(|place| &mut self.intents[*place])
    }
}
