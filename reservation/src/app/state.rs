//! The state that requests share.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use access::{AccessMode, ClientLimits, SignIns};
use chassis::environment::SharedEnvironment;
use chassis::network::{Hosts, Network};
use chassis::serve::Shutdown;
use events::Position;
use events::store::EventStore;
use events::store::notes::Notes;
use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::admission::{Admission, AdmissionLimits};
use super::executor::Executor;
use super::log_tree::LogTree;
use super::projections::Projections;
use super::readings::Readings;
use super::search::SearchIndex;
use super::venues::Venues;

/// Number of questions about the past that are answered at once, so that they never take all of the memory. Others wait.
const QUESTIONS_AT_ONCE: usize = 2;

/// Number of searches through the log that run at once. Others wait.
const EVENT_SEARCHES_AT_ONCE: usize = 2;

/// The application. Cheap to clone: every request and every middleware does.
#[derive(Clone)]
pub struct App(Arc<AppState>);

/// The state of an [`App`].
pub struct AppState {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// Executes commands.
    pub executor: Executor,
    /// The read models.
    pub projections: Arc<Projections>,
    /// Finds visits by words.
    pub search_index: SearchIndex,
    /// The tree of the log.
    pub log_tree: Arc<LogTree>,
    /// The rules of the venues that count.
    pub venues: Venues,
    /// The payment channels of the notifier.
    pub channels: PaymentChannels,
    /// Checks what members of staff type to prove who they are.
    pub sign_ins: Arc<SignIns>,
    /// Whether callers need credentials.
    pub access_mode: AccessMode,
    /// The names under which the service answers.
    pub hosts: Hosts,
    /// The limits of all clients.
    pub limits: Arc<ClientLimits>,
    /// The limits of guests who book, and of consumers who wait for events.
    pub admission: Admission,
    /// Who read personal data.
    pub readings: Readings,
    /// What the instances of the service share beside the log.
    pub notes: Arc<Notes>,
    /// The URL under which guests reach their pages, without a trailing slash.
    pub public_url: String,
    /// Time, timers, tasks, ids and randomness.
    pub env: SharedEnvironment,
    /// The shutdown signal.
    pub shutdown: Shutdown,
    /// The places for questions about the past.
    pub(super) past_questions: Arc<Semaphore>,
    /// The places for searches through the log.
    pub(super) event_searches: Arc<Semaphore>,
    /// Set if this is the application as it was.
    pub(super) past: Option<Past>,
}

/// What an application of the past knows about the present.
pub(super) struct Past {
    /// The application of now.
    pub(super) present: App,
    /// The last event that counts.
    pub(super) last: Position,
    /// The place among the questions that are answered at once, until this one is answered.
    #[expect(dead_code, reason = "held, not used")]
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// What the instances of the service share beside the log.
    pub notes: Notes,
    /// The read models, as far as they were already built.
    pub projections: Projections,
    /// The tree of the log, as far as it was stored.
    pub log_tree: LogTree,
    /// The payment channels of the notifier.
    pub channels: PaymentChannels,
    /// Whether callers need credentials.
    pub access_mode: AccessMode,
    /// How the service is reached.
    pub network: Network,
    /// The limits of guests who book, and of consumers who wait for events.
    pub admission: AdmissionLimits,
    /// The URL under which guests reach their pages, without a trailing slash.
    pub public_url: String,
    /// Time, timers, tasks, ids and randomness.
    pub env: SharedEnvironment,
    /// The shutdown signal.
    pub shutdown: Shutdown,
}

impl App {
    /// Puts the parts together. Nothing runs yet: see [`crate::workers::follow`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            store,
            notes,
            projections,
            log_tree,
            channels,
            access_mode,
            network,
            admission,
            public_url,
            env,
            shutdown,
        } = parts;
        let venues = projections.rules();
        let projections = Arc::new(projections);
        let executor =
            Executor::new(Arc::clone(&store), Arc::clone(&projections), venues.clone(), Arc::clone(&env));
        let sign_ins = SignIns::new(Arc::clone(projections.access()), Arc::clone(&env));
        let state = AppState {
            store,
            executor,
            projections,
            search_index: SearchIndex::default(),
            log_tree: Arc::new(log_tree),
            venues,
            channels,
            sign_ins: Arc::new(sign_ins),
            access_mode,
            limits: ClientLimits::new(&network, &env),
            hosts: network.hosts,
            admission: Admission::new(admission, access_mode == AccessMode::Open, &env),
            readings: Readings::default(),
            notes: Arc::new(notes),
            public_url,
            env,
            shutdown,
            past_questions: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
            event_searches: Arc::new(Semaphore::new(EVENT_SEARCHES_AT_ONCE)),
            past: None,
        };
        Self(Arc::new(state))
    }

    /// An application without read models yet, over `store` and with the time of `env`. It only answers questions: limits, search
    /// and notes are those of an application that was just started.
    pub(super) fn with_past(&self, store: Arc<dyn EventStore>, env: SharedEnvironment, past: Past) -> Self {
        let projections = Arc::new(Projections::default());
        let venues = projections.rules();
        let executor =
            Executor::new(Arc::clone(&store), Arc::clone(&projections), venues.clone(), Arc::clone(&env));
        Self(Arc::new(AppState {
            store,
            executor,
            projections,
            search_index: SearchIndex::default(),
            log_tree: Arc::clone(&self.log_tree),
            venues,
            channels: self.channels.clone(),
            sign_ins: Arc::clone(&self.sign_ins),
            access_mode: self.access_mode,
            hosts: self.hosts.clone(),
            limits: Arc::clone(&self.limits),
            admission: Admission::new(AdmissionLimits::default(), false, &env),
            readings: Readings::default(),
            notes: Arc::new(Notes::own()),
            public_url: self.public_url.clone(),
            env,
            shutdown: self.shutdown.clone(),
            past_questions: Arc::clone(&self.past_questions),
            event_searches: Arc::clone(&self.event_searches),
            past: Some(past),
        }))
    }
}

impl Deref for App {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

/// The codes of the payment channels that the notifier offers. `None` until it was reached.
#[derive(Debug, Clone, Default)]
pub struct PaymentChannels(Arc<RwLock<Option<BTreeSet<String>>>>);

impl PaymentChannels {
    /// Channels that are already known.
    #[must_use]
    pub fn known(codes: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(RwLock::new(Some(codes.into_iter().collect()))))
    }

    /// Replaces the known channels.
    pub fn set(&self, codes: BTreeSet<String>) {
        *self.0.write() = Some(codes);
    }

    /// Whether the notifier was reached.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.0.read().is_some()
    }

    /// Whether `code` is a channel. Until the notifier was reached every code is accepted, and the notifier
    /// falls back to its default channel for an unknown one.
    ///
    /// # Errors
    /// A message with the known codes.
    pub fn check(&self, code: &str) -> Result<(), String> {
        match self.0.read().as_ref() {
            Some(codes) if !codes.contains(code) => {
                let codes: Vec<_> = codes.iter().map(String::as_str).collect();
                Err(format!("{code:?} is not a payment channel; choose one of: {}", codes.join(", ")))
            }
            _ => Ok(()),
        }
    }
}
