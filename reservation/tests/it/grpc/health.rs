//! `grpc.health.v1`: whether the service is ready, now and from now on.

use std::time::Duration;

use futures::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::router;
use crate::app::TestApp;

#[tokio::test]
async fn health_is_that_of_the_service_and_a_watcher_learns_that_it_stops() {
    let app = TestApp::with_houses().await;
    let mut client = HealthClient::with_origin(router(&app), "http://meja.example".parse().unwrap());
    let of = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", "meja.v1.Reservations", "meja.v1.Log"] {
        let checked = client.check(of(service)).await.unwrap().into_inner();
        assert_eq!(checked.status(), ServingStatus::Serving, "{service:?}");
    }
    assert_eq!(client.check(of("meja.v1.Nothing")).await.unwrap_err().code(), Code::NotFound);
    let mut unknown = client.watch(of("meja.v1.Nothing")).await.unwrap().into_inner();
    assert_eq!(unknown.next().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);

    let mut watched = client.watch(of("meja.v1.Reservations")).await.unwrap().into_inner();
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(10), watched.next()).await;
        next.expect("an answer in time").unwrap().unwrap().status()
    };
    assert_eq!(next().await, ServingStatus::Serving);
    app.trigger.fire();
    assert_eq!(next().await, ServingStatus::NotServing);
}
