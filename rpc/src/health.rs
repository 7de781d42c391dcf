//! `grpc.health.v1`: whether a service is ready.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often a watched service is asked whether it is ready.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Tells whether the service is ready, as `GET /readyz` does.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// The service `grpc.health.v1.Health`.
pub(crate) struct Checks {
    pub(crate) readiness: Readiness,
    /// The services that it knows. The empty name is all of them.
    pub(crate) services: Vec<&'static str>,
}

impl Checks {
    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.contains(&service)
    }
}

fn serving(readiness: &Readiness) -> ServingStatus {
    if readiness() { ServingStatus::Serving } else { ServingStatus::NotServing }
}

#[tonic::async_trait]
impl Health for Checks {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("There is no service of that name."));
        }
        Ok(Response::new(HealthCheckResponse { status: serving(&self.readiness).into() }))
    }

    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let (readiness, is_known) = (Arc::clone(&self.readiness), self.knows(&request.get_ref().service));
        tokio::spawn(async move {
            let mut last = None;
            while !sender.is_closed() {
                let status = if is_known { serving(&readiness) } else { ServingStatus::ServiceUnknown };
                if last.replace(status) != Some(status) {
                    let sent = sender.send(Ok(HealthCheckResponse { status: status.into() })).await;
                    if sent.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(WATCH_INTERVAL) => {}
                    () = sender.closed() => return,
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
