//! OpenTelemetry: one trace covers the request, the feed and the mail. The tests include the collector.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::services::{Pair, booking, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector of traces: OTLP over HTTP, protobuf. Keeps each span with the name of its service.
#[derive(Default)]
struct Collector {
    spans: Mutex<Vec<(String, Span)>>,
}

impl Collector {
    async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Arc::new(Self::default());
        let app =
            axum::Router::new().route("/v1/traces", post(Self::take)).with_state(Arc::clone(&collector));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (collector, url)
    }

    async fn take(State(this): State<Arc<Self>>, headers: HeaderMap, body: Bytes) -> StatusCode {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for resource_spans in request.resource_spans {
            let attributes = resource_spans.resource.unwrap().attributes;
            let name = attributes.into_iter().find(|attribute| attribute.key == "service.name").unwrap();
            let Some(Value::StringValue(service)) = name.value.unwrap().value else { panic!("no name") };
            let spans = resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
            this.spans.lock().extend(spans.map(|span| (service.clone(), span)));
        }
        StatusCode::OK
    }

    /// The spans of the trace with this service and name.
    fn find(&self, service: &str, name: &str) -> Vec<Span> {
        let trace = hex::decode(TRACE).unwrap();
        let spans = self.spans.lock();
        let wanted = spans.iter().filter(|(of, span)| of == service && span.name == name);
        wanted.filter(|(_, span)| span.trace_id == trace).map(|(_, span)| span.clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_covers_request_feed_mail_and_report() {
    let (collector, url) = Collector::start().await;
    let mut pair = Pair::prepared(&["--sms", "off"]);
    pair.env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_BSP_SCHEDULE_DELAY", "50".into())];
    pair.start_reservation().await;
    pair.start_notifier().await;
    let request = pair.client.post(format!("{}/api/reservations", pair.reservation_url));
    let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).json(&booking(2));
    assert_eq!(request.send().await.unwrap().status(), 200);
    pair.settled().await;
    assert_eq!(pair.mail().len(), 1);

    const REPORT: &str = "POST /api/reservations/{reservation_id}/notification-results";
    // Each service exports on its own, so the spans arrive in any order.
    let expected = [
        ("reservation", "POST /api/reservations"),
        ("notifier", "effect message"),
        ("notifier", "effect post_notification"),
        ("reservation", REPORT),
    ];
    let is_complete =
        async || expected.iter().all(|(service, name)| !collector.find(service, name).is_empty());
    until("all spans", is_complete).await;
    let only = |service: &str, name: &str| {
        let spans = collector.find(service, name);
        assert_eq!(spans.len(), 1, "{service} {name}: {spans:?}");
        spans.into_iter().next().unwrap()
    };
    let booked = only("reservation", "POST /api/reservations");
    assert_eq!(hex::encode(&booked.parent_span_id), CALLER);
    let mail = only("notifier", "effect message");
    assert_eq!(mail.parent_span_id, booked.span_id, "the event carries the span of the request");
    let report = only("notifier", "effect post_notification");
    assert_eq!(report.parent_span_id, booked.span_id);
    let reported = only("reservation", REPORT);
    assert_eq!(reported.parent_span_id, report.span_id, "the request carries the span of the effect");
    // The event of the report belongs to the trace too.
    let events = pair.events().await;
    let sent = events.iter().find(|event| event["type"] == "meja.notification.sent.v1").unwrap();
    let traceparent = sent["traceparent"].as_str().unwrap();
    assert_eq!(traceparent, format!("00-{TRACE}-{}-01", hex::encode(&reported.span_id)));
}

/// Without a collector nothing is exported, and an event keeps the trace context that its request came with.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_trace_context_of_the_caller_is_passed_on() {
    let pair = Pair::running(&["--sms", "off"]).await;
    let request = pair.client.post(format!("{}/api/reservations", pair.reservation_url));
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let request = request.header("traceparent", &traceparent).json(&booking(2));
    assert_eq!(request.send().await.unwrap().status(), 200);
    pair.settled().await;
    let events = pair.events().await;
    let events: Vec<_> =
        events.iter().filter(|event| event["subject"].as_str().unwrap().starts_with("res")).collect();
    assert!(events.iter().any(|event| event["type"] == "meja.notification.sent.v1"), "{events:?}");
    assert!(events.iter().all(|event| event["traceparent"] == traceparent.as_str()), "{events:?}");
}
