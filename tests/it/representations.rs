//! What both services send: media types, encodings, tags, pages of lists, metrics, and pages for guests.

use reqwest::header;
use serde_json::{Value, json};

use crate::protocol::problem;
use crate::services::{Pair, booking};

#[tokio::test(flavor = "multi_thread")]
async fn a_history_and_a_stream_are_chosen_by_the_weights_of_accept() {
    let pair = Pair::running(&[]).await;
    let id = pair.book(2).await;
    let history = format!("{}/api/reservations/{id}/history", pair.reservation_url);
    let events = format!("{}/events", pair.reservation_url);
    for (url, accept, media_type) in [
        (&history, "text/plain;q=0.4, application/json;q=0.5", "application/json"),
        (&history, "text/plain;q=0.5, application/json;q=0.4", "text/plain; charset=utf-8"),
        (&events, "*/*", "application/cloudevents-batch+json"),
        (&events, "text/event-stream;q=0.1, */*", "application/cloudevents-batch+json"),
        (&events, "text/event-stream", "text/event-stream"),
    ] {
        let response = pair.client.get(url).header(header::ACCEPT, accept).send().await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], media_type, "{accept}");
        let vary: Vec<_> =
            response.headers().get_all(header::VARY).iter().map(|v| v.to_str().unwrap()).collect();
        assert!(vary.join(",").contains("accept"), "{vary:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_responses_are_compressed_and_their_tags_still_work() {
    let pair = Pair::running(&[]).await;
    let mut wordy = booking(6);
    wordy["special_requests"] = "Kursi bayi, ya. ".repeat(30).into();
    let (_, booked) = pair.post("/api/reservations", &wordy).await;
    let id = booked["reservation_id"].as_str().unwrap();
    let url = format!("{}/api/reservations/{id}", pair.reservation_url);
    let plain = pair.client.get(&url).send().await.unwrap();
    let tag = plain.headers()[header::ETAG].clone();
    // A cache must not give the plain response to callers that accept an encoding.
    assert!(plain.headers()[header::VARY].to_str().unwrap().contains("accept-encoding"));
    let text = plain.text().await.unwrap();
    assert!(text.len() > 1_024);
    let read = |encoding: &'static str| pair.client.get(&url).header(header::ACCEPT_ENCODING, encoding);
    for encoding in ["gzip", "br", "zstd"] {
        let response = read(encoding).send().await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_ENCODING], encoding);
        assert!(response.headers()[header::VARY].to_str().unwrap().contains("accept-encoding"));
        let encoded = response.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_ne!(encoded, tag.to_str().unwrap(), "each encoding has its own tag");
        assert!(response.bytes().await.unwrap().len() < text.len());
        let unchanged = read(encoding).header(header::IF_NONE_MATCH, &encoded).send().await.unwrap();
        assert_eq!(unchanged.status(), 304);
        assert_eq!(unchanged.headers()[header::ETAG], encoded.as_str());
        assert!(unchanged.headers()[header::VARY].to_str().unwrap().contains("accept-encoding"));
        let other = read("identity").header(header::IF_NONE_MATCH, &encoded).send().await.unwrap();
        assert_eq!(other.status(), 200, "the caller may not be able to read {encoding}");
        // The tag names the version that the command requires.
        let command = pair
            .client
            .post(format!("{url}/party-size"))
            .header(header::IF_MATCH, format!("\"9\", {encoded}"));
        let changed = command.json(&json!({"party_size": 6})).send().await.unwrap();
        assert!(changed.status().is_success(), "{}", changed.text().await.unwrap());
    }
    let small = pair.client.get(format!("{}/readyz", pair.reservation_url));
    let small = small.header(header::ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert!(!small.headers().contains_key(header::CONTENT_ENCODING));
    let stream = pair.client.get(format!("{}/events", pair.reservation_url));
    let stream = stream.header(header::ACCEPT, "text/event-stream").header(header::ACCEPT_ENCODING, "gzip");
    assert!(!stream.send().await.unwrap().headers().contains_key(header::CONTENT_ENCODING));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_did_not_change_is_not_sent_again() {
    let pair = Pair::running(&[]).await;
    let id = pair.book(6).await;
    let payments = format!("{}/api/payments?reservation_id={id}", pair.notifier_url);
    crate::services::until("the payment", async || pair.get(&payments).await["items"][0].is_object()).await;
    let payment = pair.get(&payments).await["items"][0]["payment_id"].as_str().unwrap().to_owned();
    for url in [
        format!("{}/api/reservations/{id}", pair.reservation_url),
        format!("{}/api/payments/{payment}", pair.notifier_url),
    ] {
        let first = pair.client.get(&url).send().await.unwrap();
        let tag = first.headers()[header::ETAG].clone();
        let again = pair.client.get(&url).header(header::IF_NONE_MATCH, tag.clone()).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.headers()[header::ETAG].clone()), (304, tag));
        let other = pair.client.get(&url).header(header::IF_NONE_MATCH, "\"other\"").send().await.unwrap();
        assert_eq!(other.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_both_services_are_read_to_their_end_by_link() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    for _ in 0..3 {
        pair.book(6).await;
    }
    pair.settled().await;
    for (list, key) in [
        (format!("{}/api/reservations?limit=1", pair.reservation_url), "reservation_id"),
        (format!("{}/api/payments?status=paid&limit=1", pair.notifier_url), "payment_id"),
        (format!("{}/api/effects?limit=2", pair.notifier_url), "id"),
        (format!("{}/api/notifications?limit=2", pair.notifier_url), "id"),
    ] {
        let whole = pair.get(&format!("{list}00")).await;
        let ids = |page: &Value| -> Vec<String> {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item[key].as_str().unwrap().to_owned())
                .collect()
        };
        let (whole, mut read, mut next) = (ids(&whole), Vec::new(), Some(list.clone()));
        assert!(whole.len() >= 3, "{list}");
        while let Some(url) = next {
            let response = pair.client.get(&url).send().await.unwrap();
            let link = response.headers().get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
            let page: Value = response.json().await.unwrap();
            read.extend(ids(&page));
            let path = link.map(|link| link.split_once('>').unwrap().0.trim_start_matches('<').to_owned());
            assert_eq!(path.is_some(), page["next_cursor"].is_string(), "{url}");
            next = path.map(|path| format!("{}{path}", list.split("/api/").next().unwrap()));
        }
        assert_eq!(read, whole, "{list}");
        let bad = pair.client.get(format!("{list}&cursor=abc")).send().await.unwrap();
        assert_eq!(problem(&pair, bad).await, (422, "invalid_request".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_has_a_help_text() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    pair.book(6).await;
    pair.settled().await;
    for base in [&pair.reservation_url, &pair.notifier_url] {
        let text = pair.client.get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let types: Vec<_> = types.collect();
        assert!(types.len() > 4, "{text}");
        for name in types {
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help text");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_in_both_languages_where_a_guest_cannot_go_on() {
    let mut pair = Pair::running(&[]).await;
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let missing = [
        "checkout",
        "checkout/none",
        "checkout/%ff",
        "offers/none",
        "offers/01939f3e-0000-7000-8000-000000000001",
    ];
    let read = |path: &str, accept: &'static str| {
        pair.client.get(format!("{}/{path}", pair.notifier_url)).header(header::ACCEPT, accept).send()
    };
    for path in missing {
        let page = read(path, browser).await.unwrap();
        assert_eq!(page.status(), 404);
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
        let text = page.text().await.unwrap();
        assert!(
            text.contains("Halaman ini tidak ada") && text.contains("This page does not exist"),
            "{text}"
        );
        let program = read(path, "*/*").await.unwrap();
        assert_eq!(problem(&pair, program).await, (404, "not_found".into()));
    }
    let id = pair.book(6).await;
    let url = pair.checkout(&id).await;
    // The page needs the whole link.
    for incomplete in [url.rsplit_once('/').unwrap().0, &url[..url.len() - 1]] {
        assert_eq!(pair.client.get(incomplete).send().await.unwrap().status(), 404);
    }
    for (language, button) in [("id-ID,id;q=0.9", "Bayar</button>"), ("en", "Pay</button>")] {
        let page = pair.client.get(&url).header(header::ACCEPT_LANGUAGE, language).send().await.unwrap();
        let text = page.text().await.unwrap();
        assert!(text.contains(button), "{text}");
    }
    // The notifier cannot ask about the offer.
    pair.reservation.take().unwrap().terminate();
    let link = "mejal_AQIBk58-eyp8PZ5PWmt8jZ4PAAAAAKbzB3gOJZ4PAAAAAKbzB3g";
    let read = pair.client.get(format!("{}/offers/{link}", pair.notifier_url));
    let page = read.header(header::ACCEPT, browser).send().await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.headers().contains_key(header::RETRY_AFTER));
    let text = page.text().await.unwrap();
    assert!(text.contains("Mohon coba lagi") && text.contains("Please try again"), "{text}");
}
