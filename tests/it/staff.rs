//! Members of staff with both services: mails over real SMTP, the pages, and sessions that both services know.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};

use crate::mail_server::MailServer;
use crate::services::{Pair, until};

const PASSWORD: &str = "kelapa motor sunyi bendera";
const OTHER_PASSWORD: &str = "sepeda hujan lampu kuning";
const EMAIL: &str = "sari@warung-sinar.co.id";

/// The link in the text of the last mail with this subject.
fn link_of(mail: &[Value], subject: &str) -> String {
    let mail = mail.iter().rfind(|mail| mail["subject"] == subject).unwrap_or_else(|| panic!("{mail:#?}"));
    let text = mail["parts"][0][2].as_str().unwrap();
    let link = text.lines().find(|line| line.trim().starts_with("http"));
    link.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
}

/// The cookies that a response sets, as a request sends them.
fn cookies(response: &reqwest::Response) -> String {
    let cookies = response.headers().get_all(SET_COOKIE).iter();
    let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.collect::<Vec<_>>().join("; ")
}

/// A client that asks for pages as browsers do.
fn browser() -> reqwest::Client {
    let accept = HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
    reqwest::Client::builder().default_headers(headers).build().unwrap()
}

struct Person {
    client: reqwest::Client,
    cookies: String,
}

impl Person {
    async fn status(&self, url: &str) -> StatusCode {
        self.client.get(url).header("cookie", &self.cookies).send().await.unwrap().status()
    }

    async fn post(&self, url: &str, body: &Value) -> reqwest::Response {
        self.client.post(url).header("cookie", &self.cookies).json(body).send().await.unwrap()
    }

    async fn account(&self, pair: &Pair) -> StatusCode {
        self.status(&format!("{}/api/account", pair.reservation_url)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_joins_and_resets_the_password_by_mail_and_both_services_know_the_session() {
    let server = MailServer::start().await;
    let mut pair = Pair::running(&["--sms", "off", "--mail", &server.url()]).await;
    let body = json!({"name": "Sari Wulandari", "email": EMAIL, "locale": "en", "roles": {"owner": ["*"]}});
    let (status, invited) = pair.post("/api/access/staff", &body).await;
    assert_eq!(status, 200, "{invited}");
    pair.settled().await;
    let page = link_of(&server.mail(), "Your Meja account");
    assert!(page.starts_with(&format!("{}/join/mejal_", pair.notifier_url)), "{page}");

    // The page names the person, and says why a password is refused.
    let client = browser();
    let shown = client.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("Sari Wulandari") && shown.contains("owner"), "{shown}");
    for (password, words) in
        [("sariwulandari", "too easy to guess"), (EMAIL, "too easy"), ("short", "10 to 128")]
    {
        let refused = client.post(&page).form(&[("password", password)]).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let refused = refused.text().await.unwrap();
        assert!(refused.contains(words) && refused.contains(r#"aria-invalid="true""#), "{refused}");
    }
    let indonesian = client.get(format!("{page}?lang=id")).send().await.unwrap().text().await.unwrap();
    assert!(
        indonesian.contains("Selamat datang di Meja") && indonesian.contains(r#"href="/join/"#),
        "{indonesian}"
    );
    let unreadable = client.post(&page).json(&json!({"password": PASSWORD})).send().await.unwrap();
    assert_eq!(unreadable.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let foreign = client.post(&page).header("sec-fetch-site", "cross-site").form(&[("password", PASSWORD)]);
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let joined = client.post(&page).form(&[("password", PASSWORD)]).send().await.unwrap();
    assert_eq!(joined.status(), StatusCode::OK);
    let mut sari = Person { client, cookies: cookies(&joined) };
    assert!(joined.text().await.unwrap().contains("you are signed in"));
    assert_eq!(sari.account(&pair).await, StatusCode::OK);
    let again = sari.client.get(&page).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    assert!(again.text().await.unwrap().contains("sign in with your password"));

    // The notifier knows the session too, and asks for a proof that is fresh where money goes back.
    let payments = format!("{}/api/payments", pair.notifier_url);
    until("the notifier to know the session", async || sari.status(&payments).await == 200).await;
    let refund = format!("{payments}/{}/refund", uuid::Uuid::nil());
    let refused = sari.post(&refund, &json!({})).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND, "a fresh proof is enough to ask for it");
    assert_eq!(sari.status(&format!("{}/api/log", pair.notifier_url)).await, StatusCode::FORBIDDEN);

    // A forgotten password.
    let resets = format!("{}/api/password-resets", pair.reservation_url);
    assert_eq!(sari.post(&resets, &json!({"email": EMAIL})).await.status(), StatusCode::ACCEPTED);
    until("the mail with the link", async || server.mail().len() == 2).await;
    let page = link_of(&server.mail(), "Your new password");
    let reset = sari.client.post(&page).form(&[("password", OTHER_PASSWORD)]).send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::OK);
    let new = cookies(&reset);
    assert_eq!(sari.account(&pair).await, StatusCode::UNAUTHORIZED, "the earlier session ended");
    sari.cookies = new;
    assert_eq!(sari.account(&pair).await, StatusCode::OK);
    until("the notifier to know the new session", async || sari.status(&payments).await == 200).await;

    // A crash forgets nothing, and an ended account is refused by both.
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    assert_eq!(sari.account(&pair).await, StatusCode::OK);
    let id = invited["staff"]["staff_id"].as_str().unwrap();
    pair.post(&format!("/api/access/staff/{id}/remove"), &json!({})).await;
    assert_eq!(sari.account(&pair).await, StatusCode::UNAUTHORIZED);
    until("the notifier to refuse it", async || sari.status(&payments).await == StatusCode::UNAUTHORIZED)
        .await;
    pair.settled().await;
    for mail in server.mail() {
        assert_eq!(mail["defects"], json!([]), "{mail:#}");
    }
}
