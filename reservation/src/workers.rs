//! The tasks that run in the background for as long as the service does.

pub mod deadlines;
pub mod payment_channels;
pub mod venue_import;
pub mod waitlist_offers;

use futures::FutureExt as _;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::app::repository::RepositoryError;

/// The tasks of an application. They end when this is dropped.
#[must_use = "the tasks end when this is dropped"]
#[derive(Debug)]
pub struct BackgroundTasks(Vec<JoinHandle<()>>);

impl Drop for BackgroundTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Builds the projections from the rest of the log, and starts the tasks that the log needs: the projections
/// follow it, deadlines pass, and free tables are offered to the waitlists.
///
/// # Errors
/// [`RepositoryError`] if the log cannot be read.
pub async fn start(app: &App) -> Result<BackgroundTasks, RepositoryError> {
    app.projections.catch_up(app.store.as_ref()).await?;
    app.projections.load_contacts(app.store.as_ref(), app.env.now()).await?;
    let (projections, store, env) = (app.projections.clone(), app.store.clone(), app.env.clone());
    let follow = async move { projections.follow(store, env).await };
    let started = app.env.now();
    Ok(BackgroundTasks(vec![
        app.env.spawn(follow.boxed()),
        app.env.spawn(deadlines::run(app.clone(), started).boxed()),
        app.env.spawn(waitlist_offers::run(app.clone()).boxed()),
    ]))
}
