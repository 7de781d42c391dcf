//! The service put together: log, read models, handler and what runs beside the requests.

use std::ops::Deref;
use std::sync::Arc;

use chassis::clock::SharedClock;
use chassis::secret::Token;
use chassis::serve::Shutdown;
use events::store::EventStore;
use tokio::task::AbortHandle;

use crate::channels::Channels;
use crate::deadlines;
use crate::handle::Handler;
use crate::offers;
use crate::stream::StreamError;
use crate::venues::Venues;
use crate::views::Views;

/// What requests work with. Cheap to clone: every request and every layer does.
#[derive(Clone)]
pub struct App(Arc<Inside>);

impl Deref for App {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.0
    }
}

/// What an [`App`] holds.
pub struct Inside {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// The way to it.
    pub handler: Handler,
    /// Read models.
    pub views: Arc<Views>,
    /// The restaurants.
    pub venues: Venues,
    /// The payment channels of the notifier.
    pub channels: Channels,
    /// What the notifier must show.
    pub service_token: Option<Token>,
    /// Time and ids.
    pub clock: SharedClock,
    /// Whether the service stops.
    pub shutdown: Shutdown,
    _beside: Beside,
}

/// What runs beside the requests, for as long as anyone has the [`App`].
struct Beside([AbortHandle; 3]);

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// What an [`App`] is made of.
pub struct Parts {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// Read models, as far as they are; the rest is read from the log.
    pub views: Views,
    /// The restaurants.
    pub venues: Venues,
    /// The payment channels of the notifier.
    pub channels: Channels,
    /// What the notifier must show.
    pub service_token: Option<Token>,
    /// Time and ids.
    pub clock: SharedClock,
    /// Whether the service stops.
    pub shutdown: Shutdown,
}

impl App {
    /// Completes the read models and starts what runs beside the requests.
    ///
    /// # Errors
    /// [`StreamError`] when the log holds what this version can not read.
    pub async fn start(parts: Parts) -> Result<Self, StreamError> {
        let Parts { store, views, venues, channels, service_token, clock, shutdown } = parts;
        let views = Arc::new(views);
        views.catch_up(store.as_ref()).await?;
        let handler =
            Handler::new(Arc::clone(&store), Arc::clone(&views), venues.clone(), Arc::clone(&clock));
        let follow = tokio::spawn({
            let (views, store) = (Arc::clone(&views), Arc::clone(&store));
            async move { views.follow(store).await }
        });
        let (head, watched) = (store.watch_head(), Arc::clone(&views));
        let (timer, started) = (Arc::clone(&clock), clock.now());
        let deadlines = deadlines::run(handler.clone(), watched, timer, started, head, shutdown.clone());
        let (rung, watched) = (store.watch_head(), Arc::clone(&views));
        let offers = offers::run(handler.clone(), watched, Arc::clone(&clock), rung, shutdown.clone());
        let beside = [tokio::spawn(deadlines), tokio::spawn(offers)].map(|task| task.abort_handle());
        let [deadlines, offers] = beside;
        let _beside = Beside([follow.abort_handle(), deadlines, offers]);
        Ok(Self(Arc::new(Inside {
            store,
            handler,
            views,
            venues,
            channels,
            service_token,
            clock,
            shutdown,
            _beside,
        })))
    }
}
