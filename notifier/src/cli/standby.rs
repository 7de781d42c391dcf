//! Becoming active: a notifier whose log others can open listens, refuses requests, and waits for the lease.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::SharedEnvironment;
use chassis::network::Network;
use chassis::serve::{Interface, Protocol, Shutdown, serve};
use events::store::EventStore;
use events::store::lease::Lease;
use events::store::log::StoredLog;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::api::http::standby;
use crate::effects::EffectLog;
use crate::workers::lease::stand_by;

/// A notifier that is not active yet.
pub(super) struct Waiting<'a> {
    pub(super) lease: &'a Lease,
    pub(super) store: &'a Arc<StoredLog>,
    pub(super) network: &'a Network,
    pub(super) metrics: &'a PrometheusHandle,
    pub(super) env: &'a SharedEnvironment,
    pub(super) shutdown: &'a Shutdown,
}

impl Waiting<'_> {
    /// Waits until this notifier is active, which is at once if no other process can open the log. Returns its effect log
    /// and the listener; `None` at the shutdown.
    ///
    /// # Errors
    /// When the effect log cannot be read, or the listener cannot be shared.
    pub(super) async fn until_active(
        self,
        listener: TcpListener,
    ) -> anyhow::Result<Option<(EffectLog, TcpListener)>> {
        let (store, env) = (Arc::clone(self.store) as Arc<dyn EventStore>, Arc::clone(self.env));
        if !self.lease.is_shared() {
            return Ok(Some((EffectLog::open(store, env).await?, listener)));
        }
        let effect_log = EffectLog::standing_by(store, env).await?;
        effect_log.act_for(Duration::ZERO, effect_log.moment());
        let listener = listener.into_std()?;
        let interface = Interface {
            listener: TcpListener::from_std(listener.try_clone()?)?,
            protocol: Protocol::Http1,
            router: standby::router(self.network.hosts.clone(), self.metrics.clone()),
        };
        metrics::gauge!("meja_notifier_active").set(0.0);
        let (trigger, ended) = Shutdown::new();
        let network = self.network.clone();
        let serving = self.env.spawn(Box::pin(async move { serve([interface], &network, ended).await }));
        let is_active = stand_by(self.lease, &effect_log, self.env, self.shutdown).await;
        // Requests in progress do not delay the takeover.
        trigger.fire();
        if is_active {
            return Ok(Some((effect_log, TcpListener::from_std(listener)?)));
        }
        let _ = serving.await;
        Ok(None)
    }
}
