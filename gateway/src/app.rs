//! What all routes share.

use std::sync::Arc;

use access::ClientLimits;
use access::secrets::CredentialFile;
use axum::extract::Request;
use axum::response::Response;
use chassis::environment::SharedEnvironment;
use chassis::network::{ClientAddress, Network};
use chassis::serve::Shutdown;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cli::Config;
use crate::position::SeenPosition;
use crate::proxy::{self, Origin, Target, Upstream};
use crate::services::Services;

/// Why a service is not ready.
pub(crate) type Answer = Result<(), String>;
/// The last answers of both services.
pub(crate) type Checked = Arc<Mutex<Option<(Instant, (Answer, Answer))>>>;

/// The gateway.
#[derive(Clone)]
pub struct App {
    /// The reservation service over HTTP.
    pub reservation: Arc<Upstream>,
    /// The notifier over HTTP.
    pub notifier: Arc<Upstream>,
    /// Both services over gRPC.
    pub services: Arc<Services>,
    /// The key of the gateway.
    pub key: Arc<CredentialFile>,
    /// How the gateway is reached.
    pub network: Network,
    /// The limits of clients.
    pub limits: Arc<ClientLimits>,
    /// The URL under which guests reach the gateway.
    pub public_url: Arc<str>,
    /// Time and tasks.
    pub env: SharedEnvironment,
    /// The last health checks of the services.
    pub(crate) checked: Checked,
    /// The end of the process.
    pub shutdown: Shutdown,
}

impl App {
    /// The gateway with these settings, reached under `public_url`.
    ///
    /// # Errors
    /// When the certificates of the system cannot be used, or a URL is not valid.
    pub fn new(
        config: &Config,
        public_url: String,
        env: SharedEnvironment,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let tls = config.network.authorities.tls()?;
        let upstream = |target, url: &str| Upstream::new(target, url, tls.clone(), config.in_progress);
        let seen = Arc::<SeenPosition>::default();
        let key = Arc::new(CredentialFile::new(config.key_file.clone()));
        Ok(Self {
            reservation: Arc::new(
                upstream(Target::Reservation, &config.reservation.http)?.positioned(Arc::clone(&seen)),
            ),
            notifier: Arc::new(upstream(Target::Notifier, &config.notifier.http)?),
            services: Arc::new(Services::new(config, &tls, Arc::clone(&key), seen)?),
            key,
            limits: ClientLimits::new(&config.network, &env),
            network: config.network.clone(),
            public_url: public_url.into(),
            env,
            checked: Checked::default(),
            shutdown,
        })
    }

    /// Sends a request of a client to a service, and returns its response.
    pub(crate) async fn send(&self, target: Target, request_id: &str, mut request: Request) -> Response {
        let proxies = &self.network.proxies;
        let client = ClientAddress::of(request.extensions(), request.headers(), proxies, false);
        let (proto, key) = (proxy::protocol(&request, proxies), self.key.token());
        proxy::set_request_id(&mut request, request_id);
        let origin = Origin { client, proto, key: key.as_ref() };
        self.upstream(target).forward(request, &origin).await
    }

    /// The service `target`.
    #[must_use]
    pub fn upstream(&self, target: Target) -> &Upstream {
        match target {
            Target::Reservation => &self.reservation,
            Target::Notifier => &self.notifier,
        }
    }
}
