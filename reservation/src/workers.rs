//! The tasks that run in the background for as long as the service does.

pub mod checkpoint_copies;
pub mod closures;
pub mod deadlines;
pub mod keys;
pub mod log_tree;
pub mod payment_channels;
pub mod proofs;
pub mod refusals;
pub mod retention;
pub mod search;
pub mod uptime;
pub mod venue_import;
pub mod waitlist_offers;
pub mod witnesses;

use futures::FutureExt as _;
use reqwest::Client;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::app::repository::RepositoryError;

use self::witnesses::WitnessSettings;

/// The tasks of an application. They end when this is dropped.
#[must_use = "the tasks end when this is dropped"]
#[derive(Debug)]
pub struct BackgroundTasks(Vec<JoinHandle<()>>);

impl Drop for BackgroundTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Builds the projections from the rest of the log, and keeps them in step with it. Commands can be executed after this.
///
/// # Errors
/// [`RepositoryError`] if the log cannot be read.
pub async fn follow(app: &App) -> Result<BackgroundTasks, RepositoryError> {
    app.projections.catch_up(app.store.as_ref()).await?;
    app.projections.load_contacts(app.store.as_ref(), app.env.now()).await?;
    let (projections, store, env) = (app.projections.clone(), app.store.clone(), app.env.clone());
    let follow = async move { projections.follow(store, env).await };
    Ok(BackgroundTasks(vec![app.env.spawn(follow.boxed())]))
}

impl BackgroundTasks {
    /// Starts the task that keeps the search index in step with the log.
    pub fn index(&mut self, app: &App) {
        self.0.push(app.env.spawn(search::run(app.clone()).boxed()));
    }

    /// Starts the tasks that keep the tree of the log in step with it, sign it, and send checkpoints where the settings say.
    pub fn sign(&mut self, app: &App, client: &Client, settings: &WitnessSettings) {
        self.0.push(app.env.spawn(log_tree::run(app.clone()).boxed()));
        for witness in &settings.witnesses {
            let follow = witnesses::run(app.clone(), client.clone(), witness.clone());
            self.0.push(app.env.spawn(follow.boxed()));
        }
        if let Some(dir) = settings.checkpoints_dir.clone() {
            self.0.push(app.env.spawn(checkpoint_copies::run(app.clone(), dir).boxed()));
        }
    }

    /// Starts the tasks that act by themselves: deadlines pass, free tables are offered to the waitlists,
    /// bookings under closures are cancelled, and the use of keys and refused requests are recorded. They act by the rules in
    /// the log, so changed venue files must have been imported.
    pub fn act(&mut self, app: &App) {
        let started = app.env.now();
        if app.notes.is_shared() {
            self.0.push(app.env.spawn(uptime::run(app.clone(), started).boxed()));
        }
        self.0.push(app.env.spawn(deadlines::run(app.clone(), started).boxed()));
        self.0.push(app.env.spawn(waitlist_offers::run(app.clone()).boxed()));
        self.0.push(app.env.spawn(closures::run(app.clone()).boxed()));
        self.0.push(app.env.spawn(keys::run(app.clone()).boxed()));
        self.0.push(app.env.spawn(refusals::run(app.clone()).boxed()));
        self.0.push(app.env.spawn(proofs::run(app.clone()).boxed()));
        self.0.push(app.env.spawn(retention::run(app.clone()).boxed()));
    }
}
