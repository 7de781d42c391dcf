//! Guests that pay, and webhooks about the payments: late, duplicated, out of order, lost, or forged.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::{Bank, Intent, WEBHOOK_SECRET, seconds};

impl Bank {
    /// A guest opens the page of a payment.
    pub(super) fn send_a_guest(&self, id: String) {
        let bank = self.clone();
        self.0.busy_guests.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..400))).await;
            match fastrand::u8(0..10) {
                // This guest never pays.
                0 => {}
                1 => {
                    bank.tell_of(&id, "payment_intent.payment_failed");
                    bank.pay(&id);
                }
                _ => bank.pay(&id),
            }
            bank.0.busy_guests.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// The guest pays: the money is taken if the payment is still open, and a webhook is sent.
    pub fn pay(&self, id: &str) {
        let paid = {
            let mut books = self.books();
            let intent = books.intent_mut(id).unwrap();
            let open = intent.status == "requires_payment_method";
            if open {
                intent.status = "succeeded";
            }
            open.then(|| intent.clone())
        };
        let Some(Intent { amount, metadata, .. }) = paid else { return };
        self.note("charge", &metadata["meja_payment_id"], amount, id);
        self.tell_of(id, "payment_intent.succeeded");
    }

    fn tell_of(&self, id: &str, what: &'static str) {
        let Some(url) = self.0.webhook_url.lock().unwrap().clone() else { return };
        let (bank, id) = (self.clone(), id.to_owned());
        self.0.busy_guests.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let percent = bank.0.behaviour.webhook_faults_percent;
            let wrong = fastrand::u8(0..100) < percent;
            if percent > 0 && fastrand::u8(0..10) == 0 {
                bank.forge(&url, &id).await;
            }
            let times = match (wrong, fastrand::u8(0..3)) {
                (true, 0) => 0,
                (true, 1) => 2,
                (true, _) => {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1_500))).await;
                    1
                }
                (false, _) => 1,
            };
            for _ in 0..times {
                bank.deliver(&url, &id, what).await;
            }
            bank.0.busy_guests.fetch_sub(1, Ordering::SeqCst);
        });
    }

    fn event(&self, id: &str, what: &str) -> String {
        let intent = self.books().intent(id).unwrap().json();
        json!({"id": format!("evt_{}", uuid::Uuid::new_v4().simple()), "object": "event", "type": what, "created": seconds(),
            "data": {"object": intent}})
        .to_string()
    }

    /// Like Stripe, repeats a webhook until it is accepted; here only a few times.
    async fn deliver(&self, url: &str, id: &str, what: &str) {
        for again in 0..4 {
            let body = self.event(id, what);
            let signature = sign(WEBHOOK_SECRET, seconds(), &body);
            if self.post(url, signature, body).await.is_some_and(|status| status < 300) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100 << again)).await;
        }
    }

    /// A sender without the secret claims that the payment was made, or repeats an old webhook.
    async fn forge(&self, url: &str, id: &str) {
        let paid = self.event(id, "payment_intent.succeeded").replace("requires_payment_method", "succeeded");
        let old = sign(WEBHOOK_SECRET, seconds() - 400, &paid);
        let other = sign("whsec_of_somebody_else", seconds(), &paid);
        for signature in [old, other, format!("t={},v1=00", seconds()), String::new()] {
            if self.post(url, signature, paid.clone()).await.is_some_and(|status| status < 300) {
                self.0.believed_forgeries.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    async fn post(&self, url: &str, signature: String, body: String) -> Option<u16> {
        let request = self.0.http.post(url).header("stripe-signature", signature).body(body);
        Some(request.timeout(Duration::from_secs(10)).send().await.ok()?.status().as_u16())
    }
}

fn sign(secret: &str, time: u64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signature = mac.chain_update(format!("{time}.{body}")).finalize().into_bytes();
    format!("t={time},v1={}", hex::encode(signature))
}
