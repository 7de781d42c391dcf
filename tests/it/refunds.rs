//! Concurrent refunds: by an operator, and because the guest cancels.

use serde_json::json;

use crate::services::{Pair, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_refund_and_a_concurrent_cancellation_refund_the_deposit_once() {
    let pair = Pair::running(&["--sms", "off", "--simulated-decide-after-ms", "0"]).await;
    for _ in 0..8 {
        let id = pair.book(6).await;
        let path = format!("/api/reservations/{id}");
        until("CONFIRMED", async || pair.get(&path).await["status"] == "CONFIRMED").await;
        let payments = format!("{}/api/payments?reservation_id={id}", pair.notifier_url);
        let payment = pair.get(&payments).await["items"][0]["payment_id"].as_str().unwrap().to_owned();
        let managed_by_hand = pair
            .client
            .post(format!("{}/api/payments/{payment}/refund", pair.notifier_url))
            .header("idempotency-key", "by-hand")
            .json(&json!({"amount_minor": 10_000_000}));
        let body = json!({"reason_code": "guest_request"});
        let cancel_path = format!("{path}/cancel");
        let cancel = pair.post(&cancel_path, &body);
        let (managed_by_hand, (cancelled, _)) = futures::join!(managed_by_hand.send(), cancel);
        // The second one may find that the whole amount is being refunded already.
        assert!([202, 409].contains(&managed_by_hand.unwrap().status().as_u16()));
        assert_eq!(cancelled, 200);
        until("the whole refund", async || pair.get(&payments).await["items"][0]["status"] == "refunded")
            .await;
    }
    pair.settled().await;
    let dead = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    assert_eq!(dead["items"], json!([]));
    let report = pair.get(&format!("{}/api/reconciliation", pair.notifier_url)).await;
    assert_eq!(report["differences"], json!([]), "{report:#}");
    assert_eq!(report["provider_payments"], 8);
}
