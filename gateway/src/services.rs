//! The services over gRPC, for the pages.

mod cached;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use access::GATEWAY_HEADER;
use access::secrets::CredentialFile;
use axum::extract::FromRequestParts as _;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use chassis::network::{ClientAddress, Networks};
use chassis::request_trace::{REQUEST_ID, RequestTrace};
use rpc::v1;
use rpc::v1::availability_client::AvailabilityClient;
use rpc::v1::payments_client::PaymentsClient;
use rpc::v1::reservations_client::ReservationsClient;
use rustls::ClientConfig;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, Request};

use self::cached::Cached;
pub(crate) use self::trouble::{Refusal, Trouble};
use crate::cli::Config;
use crate::position::{MEJA_POSITION, SeenPosition};
use crate::proxy::FORWARDED_FOR;

/// Maximum time for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long a call is repeated that was not answered: one that changes something, and one that reads.
const REPEAT_CHANGE_MAX: Duration = Duration::from_secs(2);
const REPEAT_READ_MAX: Duration = Duration::from_millis(500);
/// The pause between two attempts.
const REPEAT_PAUSE: Duration = Duration::from_millis(100);
/// The services over gRPC.
pub struct Services {
    availability: AvailabilityClient<Channel>,
    reservations: ReservationsClient<Channel>,
    payments: PaymentsClient<Channel>,
    key: Arc<CredentialFile>,
    seen: Arc<SeenPosition>,
    venues: Cached<Vec<v1::Venue>>,
    channels: Cached<Vec<v1::Channel>>,
}

impl Services {
    /// The services at the URLs of `config`. Encrypted connections use `tls`; `key` is the key of the gateway, and `seen` the
    /// position of the log that it has seen.
    ///
    /// # Errors
    /// When a URL is not valid.
    pub fn new(
        config: &Config,
        tls: &ClientConfig,
        key: Arc<CredentialFile>,
        seen: Arc<SeenPosition>,
    ) -> Result<Self, tonic::transport::Error> {
        let reservation = rpc::channel(&config.reservation.grpc, tls)?;
        Ok(Self {
            availability: AvailabilityClient::new(reservation.clone()),
            reservations: ReservationsClient::new(reservation),
            payments: PaymentsClient::new(rpc::channel(&config.notifier.grpc, tls)?),
            key,
            seen,
            venues: Cached::default(),
            channels: Cached::default(),
        })
    }
}

/// The person for whom the gateway calls the services.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    client: Option<ClientAddress>,
    request_id: String,
}

impl Visitor {
    /// The sender of a request with this head, whose client `proxies` may name.
    pub(crate) async fn of(parts: &mut Parts, proxies: &Networks) -> Self {
        let Ok(trace) = RequestTrace::from_request_parts(parts, &()).await;
        let client = ClientAddress::of(&parts.extensions, &parts.headers, proxies, false);
        Self { client, request_id: trace.request_id }
    }
}

/// The metadata of a call.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) services: &'a Services,
    pub(crate) visitor: &'a Visitor,
    /// The guest's link.
    pub(crate) link: Option<&'a str>,
    /// The Idempotency-Key of a change.
    pub(crate) key: Option<&'a str>,
    /// Whether the call counts for the address of the visitor. Those that only read do not: a page needs several, and the
    /// gateway counts the page.
    counts: bool,
}

impl<'a> Call<'a> {
    /// A call for `visitor` without a credential.
    pub(crate) fn new(services: &'a Services, visitor: &'a Visitor) -> Self {
        Self { services, visitor, link: None, key: None, counts: false }
    }

    /// With the guest's link.
    pub(crate) fn with_link(self, link: &'a str) -> Self {
        Self { link: Some(link), ..self }
    }

    /// With the Idempotency-Key of a change.
    pub(crate) fn with_key(self, key: &'a str) -> Self {
        Self { key: Some(key), counts: true, ..self }
    }

    /// Counted for the address of the visitor.
    pub(crate) fn counted(self) -> Self {
        Self { counts: true, ..self }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(ANSWER_MAX);
        let gateway = self.services.key.token();
        let all = [
            (HeaderName::from_static(GATEWAY_HEADER), gateway.map(|token| token.reveal().to_owned())),
            (FORWARDED_FOR, self.visitor.client.filter(|_| self.counts).map(|client| client.to_string())),
            (REQUEST_ID, Some(self.visitor.request_id.clone())),
            (AUTHORIZATION, self.link.map(|link| format!("Bearer {link}"))),
            (HeaderName::from_static("idempotency-key"), self.key.map(str::to_owned)),
        ];
        let position = self.services.seen.value().map(|position| (MEJA_POSITION, position));
        let all =
            all.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?)));
        request.metadata_mut().as_mut().extend(all.chain(position));
        request
    }

    fn repeat_max(&self) -> Duration {
        if self.key.is_some() { REPEAT_CHANGE_MAX } else { REPEAT_READ_MAX }
    }

    /// The venues, by id. If the service does not answer, they are those of the last answer.
    pub(crate) async fn venues(&self) -> Result<Arc<Vec<v1::Venue>>, Trouble> {
        let read = async { self.list_venues(v1::ListVenuesRequest {}).await.map(|answer| answer.items) };
        self.services.venues.get(read).await
    }

    /// The payment channels, in the order in which they are offered. If the service does not answer, they are those of
    /// the last answer.
    pub(crate) async fn channels(&self) -> Result<Arc<Vec<v1::Channel>>, Trouble> {
        let read =
            async { self.list_channels(v1::ListChannelsRequest {}).await.map(|answer| answer.channels) };
        self.services.channels.get(read).await
    }
}

macro_rules! methods {
    ($($client:ident { $($(#[$doc:meta])* $name:ident($message:ident) -> $answer:ident;)+ })+) => {
        impl Call<'_> {$($(
            $(#[$doc])*
            pub(crate) async fn $name(&self, message: v1::$message) -> Result<v1::$answer, Trouble> {
                let until = Instant::now() + self.repeat_max();
                let mut is_repeated = false;
                loop {
                    let mut client = self.services.$client.clone();
                    let status = match client.$name(self.request(message.clone())).await {
                        Ok(response) => {
                            self.services.seen.note(response.metadata().as_ref(), false);
                            return Ok(response.into_inner());
                        }
                        Err(status) => status,
                    };
                    let is_unavailable = status.code() == Code::Unavailable;
                    self.services.seen.note(status.metadata().as_ref(), is_unavailable);
                    let trouble = Trouble::of(&status);
                    let trouble = if is_repeated { trouble.after_unanswered() } else { trouble };
                    // One that changes something has an Idempotency-Key.
                    if matches!(trouble, Trouble::Unanswered) {
                        if Instant::now() < until {
                            is_repeated = true;
                            tokio::time::sleep(REPEAT_PAUSE).await;
                            continue;
                        }
                        let (call, code) = (stringify!($name), status.code());
                        tracing::warn!(call, ?code, message = status.message(), "a service did not answer a call");
                    }
                    return Err(trouble);
                }
            }
        )+)+}
    };
}

methods! {
    availability {
        /// All venues.
        list_venues(ListVenuesRequest) -> ListVenuesResponse;
        /// The times of a day.
        get_day(GetDayRequest) -> Day;
        /// The days with room.
        list_days(ListDaysRequest) -> ListDaysResponse;
    }
    reservations {
        /// Books a table.
        create_reservation(CreateReservationRequest) -> Reservation;
        /// Reads a reservation.
        get_reservation(GetReservationRequest) -> Reservation;
        /// Changes the time.
        reschedule_reservation(RescheduleReservationRequest) -> Reservation;
        /// Changes the number of guests.
        change_party_size(ChangePartySizeRequest) -> Reservation;
        /// Corrects the contact or the wishes.
        correct_reservation(CorrectReservationRequest) -> Reservation;
        /// Cancels.
        cancel_reservation(CancelReservationRequest) -> Reservation;
        /// Requests a deposit anew.
        renew_deposit(RenewDepositRequest) -> Reservation;
        /// Answers whether the party comes.
        answer_question(AnswerQuestionRequest) -> Reservation;
        /// Proves the contact.
        prove_contact(ProveContactRequest) -> Reservation;
        /// All amounts with their reasons.
        list_charges(ListChargesRequest) -> ListChargesResponse;
        /// Joins the waitlist.
        join_waitlist(JoinWaitlistRequest) -> WaitlistEntry;
        /// Reads a waitlist entry.
        get_waitlist_entry(GetWaitlistEntryRequest) -> WaitlistEntry;
        /// Accepts an offer.
        accept_offer(AcceptOfferRequest) -> Reservation;
        /// Declines an offer.
        decline_offer(DeclineOfferRequest) -> WaitlistEntry;
        /// Leaves the waitlist.
        leave_waitlist(LeaveWaitlistRequest) -> WaitlistEntry;
        /// Answers whether the waiting party comes.
        answer_waitlist_question(AnswerWaitlistQuestionRequest) -> WaitlistEntry;
        /// Proves the contact of a waiting party.
        prove_waitlist_contact(ProveWaitlistContactRequest) -> WaitlistEntry;
    }
    payments {
        /// The payment channels.
        list_channels(ListChannelsRequest) -> ListChannelsResponse;
    }
}
