//! The limits of clients: by address, by credential, and of failures.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use chassis::environment::SharedEnvironment;
use chassis::network::{ClientAddress, Exceeded, Network, Networks, Rate};

use crate::caller::Caller;
use crate::cookies::is_cross_site_write;
use crate::door::{Door, is_from_gateway};
use crate::problems::cross_site;

/// The time to which the limits of requests apply.
const WINDOW: Duration = Duration::from_secs(60);

/// The limits of the clients of a service.
#[derive(Debug)]
pub struct ClientLimits {
    proxies: Networks,
    /// Of requests of guests, by address.
    address: Option<Arc<Rate>>,
    /// Of requests with one credential.
    credential: Arc<Rate>,
    /// Of requests with a credential that is not valid, by address.
    failures: Option<Arc<Rate>>,
}

impl ClientLimits {
    /// The limits of a service in `network`.
    #[must_use]
    pub fn new(network: &Network, env: &SharedEnvironment) -> Arc<Self> {
        let rate = |name, count| Rate::new(name, count, WINDOW, Arc::clone(env));
        let limits = network.requests;
        Arc::new(Self {
            proxies: network.proxies.clone(),
            address: limits.address.map(|count| rate("requests_per_address", count)),
            credential: rate("requests_per_credential", limits.credential),
            failures: limits.failures.map(|count| rate("failures_per_address", count)),
        })
    }

    /// The client of `request`. The gateway names it if `is_from_gateway`.
    pub(crate) fn client_of(&self, request: &Request, is_from_gateway: bool) -> Option<ClientAddress> {
        ClientAddress::of(request.extensions(), request.headers(), &self.proxies, is_from_gateway)
    }

    /// Counts a request of `caller`.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn count(&self, caller: &Caller, client: Option<ClientAddress>) -> Result<(), Exceeded> {
        match caller.is_guest() {
            // A guest gets as many links as there are bookings, so that a link has no share of its own.
            true => self.count_address(client),
            false => self.credential.check(caller.name()),
        }
    }

    fn count_address(&self, client: Option<ClientAddress>) -> Result<(), Exceeded> {
        check(self.address.as_deref(), client)
    }

    /// Counts a request with a credential that is not valid, and logs it. Beyond the limit it is not logged.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn count_failure(&self, client: Option<ClientAddress>) -> Result<(), Exceeded> {
        check(self.failures.as_deref(), client)?;
        metrics::counter!("meja_credentials_refused_total").increment(1);
        let address = client.map(|client| client.to_string());
        tracing::warn!(address, "refused a request with a credential that is not valid");
        Ok(())
    }
}

fn check(rate: Option<&Rate>, client: Option<ClientAddress>) -> Result<(), Exceeded> {
    match (rate, client) {
        (Some(rate), Some(client)) => rate.check(client.block()),
        _ => Ok(()),
    }
}

/// Routes for browsers of guests: requests count for their address, and those that pages of other sites send are refused. A
/// `door` finds out whether the gateway sent a request, whose client it names; the gateway itself has none.
pub fn for_guests(router: Router, door: Option<Arc<dyn Door>>, limits: Arc<ClientLimits>) -> Router {
    router.layer(middleware::from_fn_with_state((door, limits), admit_guest))
}

/// What finds out whether the gateway sent a request, and the limits.
type ForGuests = (Option<Arc<dyn Door>>, Arc<ClientLimits>);

async fn admit_guest(State((door, limits)): State<ForGuests>, request: Request, next: Next) -> Response {
    if is_cross_site_write(request.method(), request.headers()) {
        return cross_site().into_response();
    }
    let is_named = door.is_some_and(|door| is_from_gateway(door.as_ref(), request.headers()));
    match limits.count_address(limits.client_of(&request, is_named)) {
        Ok(()) => next.run(request).await,
        Err(exceeded) => chassis::problem::Problem::from(exceeded).into_response(),
    }
}
