//! Random messages: no panic, and no error that means a fault of the service.

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};
use tower::ServiceExt as _;

use super::router;
use crate::app::{TOKEN, TestApp};

/// `INTERNAL`, `UNKNOWN` and `DATA_LOSS` mean a fault of the service.
const FAULTS: [&str; 3] = ["13", "2", "15"];

/// Texts that mean something to a method, and others.
const TEXTS: [&str; 14] = [
    "",
    "bandung-dago",
    "2026-12-24T19:30",
    "2026-12-24",
    "+6281234567890",
    "sari@example.com",
    "guest",
    "guest_request",
    "reservation:01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
    "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
    "meja.reservation.created.v1",
    "\u{0}\u{202e}é",
    "Sari",
    "1e400",
];

/// A value for `field`, chosen by the numbers of `seed`.
fn value(field: &FieldDescriptor, seed: &mut impl Iterator<Item = u64>) -> Value {
    let mut next = || seed.next().unwrap_or_default();
    match field.kind() {
        Kind::String => Value::String(TEXTS[next() as usize % TEXTS.len()].to_owned()),
        Kind::Bool => Value::Bool(next() % 2 == 0),
        Kind::Uint32 => Value::U32([0, 1, 2, 4, 90, u32::MAX][next() as usize % 6]),
        Kind::Uint64 => Value::U64(next()),
        Kind::Int64 => Value::I64(next() as i64),
        Kind::Int32 => Value::I32(next() as i32),
        Kind::Message(inner) => Value::Message(message(&inner, seed)),
        other => panic!("requests have no {other:?}"),
    }
}

fn message(descriptor: &MessageDescriptor, seed: &mut impl Iterator<Item = u64>) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        match seed.next().unwrap_or_default() % 4 {
            0 => {}
            count if field.is_list() => {
                let values = (0..count).map(|_| value(&field, seed)).collect();
                message.set_field(&field, Value::List(values));
            }
            _ => {
                let value = value(&field, seed);
                message.set_field(&field, value);
            }
        }
    }
    message
}

/// Sends `bytes` as the message of `method`. Returns the status, from the headers or the trailers.
async fn status(router: axum::Router, method: &str, bytes: &[u8]) -> String {
    let mut framed = vec![0];
    framed.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    framed.extend(bytes);
    let request = Request::post(format!("http://meja.example{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "2S")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::from(framed))
        .unwrap();
    let response: Response<Body> = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{method}");
    let text = |headers: &axum::http::HeaderMap| {
        headers.get("grpc-status").map(|value| value.to_str().unwrap().to_owned())
    };
    match text(response.headers()) {
        Some(status) => status,
        None => {
            let collected = response.into_body().collect().await.unwrap();
            collected.trailers().and_then(text).expect("a call ends with a status")
        }
    }
}

#[test]
fn random_messages_are_answered_without_a_fault() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(TestApp::with_houses());
    let services = ["Availability", "Reservations"].map(|name| format!("meja.v1.{name}"));
    let methods = services.iter().flat_map(|name| {
        let service = rpc::descriptors().get_service_by_name(name).unwrap();
        service
            .methods()
            .map(|method| (format!("/{name}/{}", method.name()), method.input()))
            .collect::<Vec<_>>()
    });
    let methods: Vec<_> = methods.collect();
    let mut answered = std::collections::BTreeSet::new();
    let cases = (0..methods.len(), vec(any::<u64>(), 0..60), vec(any::<u8>(), 0..40), any::<bool>());
    let mut runner = TestRunner::new(Config { cases: 1_500, ..Config::default() });
    let run = |(method, seed, noise, is_noise): (usize, Vec<u64>, Vec<u8>, bool)| {
        let (path, input) = &methods[method];
        let message = message(input, &mut seed.into_iter());
        assert_eq!(message.descriptor().full_name(), input.full_name());
        let bytes = if is_noise { noise } else { message.encode_to_vec() };
        let status = runtime.block_on(status(router(&app), path, &bytes));
        prop_assert!(!FAULTS.contains(&&status[..]), "{path} answers {status} to {bytes:?}");
        Ok(status)
    };
    runner
        .run(&cases, |case| {
            run(case)?;
            Ok(())
        })
        .unwrap();
    // The messages are not all refused before they are read.
    for seed in 0..200_u64 {
        let numbers: Vec<u64> =
            (0..60).map(|n| seed.wrapping_mul(6_364_136_223_846_793_005).rotate_left(n)).collect();
        answered.insert(run((seed as usize % methods.len(), numbers, vec![], false)).unwrap());
    }
    assert!(answered.contains("0") && answered.contains("3"), "{answered:?}");
}
