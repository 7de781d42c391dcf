//! The service `meja.v1.Log`.

use std::time::Duration;

use access::Access;
use events::values::Scope;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use rpc::{Deadline, Question, status, v1};
use tonic::{Request, Response, Status};

use crate::api::operations::follow::{Ended, Follower, Following, selection};
use crate::app::App;

/// What each method needs.
pub(super) const NEEDS: [(&str, Access); 1] = [("Follow", Access::Scope(Scope::Feed))];

/// Maximum number of events in a message: about 1 MB, a quarter of what clients accept by default.
const EVENTS_PER_MESSAGE_MAX: usize = 1_000;
/// How long a stream is quiet before it sends a message without events.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// The implementation.
pub(super) struct Service(pub(super) App);

#[tonic::async_trait]
impl v1::log_server::Log for Service {
    type FollowStream = BoxStream<'static, Result<v1::FollowResponse, Status>>;

    async fn follow(
        &self,
        request: Request<v1::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let app = self.0.clone();
        let deadline = request.extensions().get().copied().unwrap_or(Deadline(None));
        let (form, caller) = Question::of("/meja.v1.Log/Follow", request).await?.into_form();
        let (after, query) = selection(form, &caller).map_err(status)?;
        let after = app.cursor_position(after).await.map_err(|error| status(app.feed_problem(error)))?;
        let following = Following { query, after, limit: EVENTS_PER_MESSAGE_MAX, quiet_max: Some(QUIET_MAX) };
        let follower = Follower::new(app.clone(), following, caller);
        let follower = follower.map_err(|error| status(app.feed_problem(error)))?;
        // The next page is read when the client has taken the previous one.
        let pages = stream::unfold(Some((app, follower)), move |state| async move {
            let (app, mut follower) = state?;
            let next = tokio::select! {
                page = follower.next_page() => page.map_err(|ended| why(&app, ended)),
                () = deadline.passed() => Err(Status::deadline_exceeded("The deadline of the stream has passed.")),
            };
            Some(match next {
                Ok(page) => (Ok(message(&app, page)), Some((app, follower))),
                Err(status) => (Err(status), None),
            })
        });
        Ok(Response::new(pages.boxed()))
    }
}

fn message(app: &App, page: events::store::Page) -> v1::FollowResponse {
    let stored = |event: events::store::EventBytes<'_>| v1::StoredEvent {
        position: event.position.0,
        json: event.json.to_vec(),
    };
    v1::FollowResponse {
        events: page.iter().map(stored).collect(),
        scanned_to: page.scanned_to.0,
        head: app.store.known_head().0,
    }
}

/// Why a stream ends.
fn why(app: &App, ended: Ended) -> Status {
    use crate::app::queries::FeedError;
    use chassis::problem::Problem;
    match ended {
        Ended::Stopping => status(Problem::unavailable("stopping", "The service is stopping.", 1)),
        Ended::Denied(denied) => status(denied),
        Ended::Read(error) => status(app.feed_problem(FeedError::Read(error))),
    }
}
