//! The browser of a member of staff: it keeps cookies, and sends them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

pub const PASSWORD: &str = "kelapa motor sunyi bendera";
pub const OTHER_PASSWORD: &str = "sepeda hujan lampu kuning";

#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
    /// What a program without cookies presents.
    pub bearer: Option<String>,
}

impl Browser {
    pub async fn send(
        &mut self,
        app: &TestApp,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let cookies = self.cookies_line();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies) };
        let request = self
            .bearer
            .iter()
            .fold(request, |request, token| request.header("authorization", format!("Bearer {token}")));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let body = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        };
        let answer = app.send_as_is(body.unwrap()).await;
        self.keep(&answer);
        answer
    }

    /// The header `Cookie`.
    pub fn cookies_line(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("Secure"), "{attributes}");
            let (name, value) = pair.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    pub async fn get(&mut self, app: &TestApp, path: &str) -> Answer {
        self.send(app, Method::GET, path, &Value::Null, &[]).await
    }

    pub async fn post(&mut self, app: &TestApp, path: &str, body: &Value) -> Answer {
        self.send(app, Method::POST, path, body, &[]).await
    }

    pub async fn put(&mut self, app: &TestApp, path: &str, body: &Value) -> Answer {
        self.send(app, Method::PUT, path, body, &[]).await
    }

    pub async fn delete(&mut self, app: &TestApp, path: &str) -> Answer {
        self.send(app, Method::DELETE, path, &Value::Null, &[]).await
    }

    /// Sends a request with a link as the credential.
    pub async fn with_link(&mut self, app: &TestApp, link: &str, path: &str, body: &Value) -> Answer {
        let method = if body.is_null() { Method::GET } else { Method::POST };
        self.send(app, method, path, body, &[("authorization", &format!("Bearer {link}"))]).await
    }

    pub async fn sign_in(&mut self, app: &TestApp, email: &str, password: &str) -> Answer {
        self.post(app, "/api/sessions", &json!({"email": email, "password": password})).await
    }

    pub async fn status(&mut self, app: &TestApp, path: &str) -> StatusCode {
        self.get(app, path).await.status
    }
}

/// A member of staff with an account.
#[derive(Debug, Clone)]
pub struct Staff {
    pub id: String,
    pub email: String,
    pub browser: Browser,
}

/// Invites a person as the owner does, and joins as the person does.
pub async fn join(app: &TestApp, name: &str, roles: Value) -> Staff {
    let email = format!("{name}@warung-sinar.co.id");
    let body = json!({"name": name, "email": email, "roles": roles, "locale": "en"});
    let invited = app.post("/api/access/staff", &body).await;
    assert_eq!(invited.status, StatusCode::OK, "{}", invited.text());
    let id = invited.json()["staff"]["staff_id"].as_str().unwrap().to_owned();
    let link = open_link(app, &id, "invitation").await;
    let mut browser = Browser::default();
    let joined =
        browser.with_link(app, &link, "/api/invitation/accept", &json!({"password": PASSWORD})).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text());
    Staff { id, email, browser }
}

/// The open link of a person, as the notifier reads it for a mail.
pub async fn open_link(app: &TestApp, id: &str, kind: &str) -> String {
    let contact = app.get(&format!("/api/access/staff/{id}/contact")).await;
    assert_eq!(contact.status, StatusCode::OK, "{}", contact.text());
    contact.json()[kind]["token"].as_str().unwrap_or_else(|| panic!("{}", contact.text())).to_owned()
}

/// Signs a person in on a device at the stand.
pub async fn enrol(app: &TestApp, venue: &str) -> (String, Browser) {
    let body = json!({"venue_id": venue, "name": "tablet"});
    let added = app.post("/api/access/devices", &body).await.json();
    let mut tablet = Browser::default();
    let enrolled = tablet.post(app, "/api/stand/enrol", &json!({"code": added["code"]})).await;
    assert_eq!(enrolled.status, StatusCode::OK, "{}", enrolled.text());
    (added["device"]["device_id"].as_str().unwrap().to_owned(), tablet)
}
