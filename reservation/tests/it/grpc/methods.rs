//! Each method is an operation of the JSON interface, and needs what that one needs.

use std::collections::BTreeMap;

use access::Access;
use events::values::Scope;

use crate::access::table::{NEEDS, Needs};
use crate::app::TestApp;

/// The operations of the JSON interface that the methods are.
const SAME: [(&str, &str); 21] = [
    ("Availability/ListVenues", "listVenues"),
    ("Availability/GetVenue", "getVenue"),
    ("Availability/GetDay", "getAvailability"),
    ("Availability/ListDays", "getAvailableDays"),
    ("Reservations/CreateReservation", "createReservation"),
    ("Reservations/GetReservation", "getReservation"),
    ("Reservations/RescheduleReservation", "rescheduleReservation"),
    ("Reservations/ChangePartySize", "changePartySize"),
    ("Reservations/CorrectReservation", "correctReservation"),
    ("Reservations/CancelReservation", "cancelReservation"),
    ("Reservations/RenewDeposit", "renewDeposit"),
    ("Reservations/AnswerQuestion", "answerQuestion"),
    ("Reservations/ProveContact", "proveReservationContact"),
    ("Reservations/ListCharges", "listReservationCharges"),
    ("Reservations/JoinWaitlist", "joinWaitlist"),
    ("Reservations/GetWaitlistEntry", "getWaitlistEntry"),
    ("Reservations/AcceptOffer", "acceptOffer"),
    ("Reservations/DeclineOffer", "declineOffer"),
    ("Reservations/LeaveWaitlist", "leaveWaitlist"),
    ("Reservations/AnswerWaitlistQuestion", "answerWaitlistQuestion"),
    ("Reservations/ProveWaitlistContact", "proveWaitlistContact"),
];

#[tokio::test]
async fn every_method_is_served_and_needs_what_its_operation_needs() {
    let app = TestApp::with_houses().await;
    let methods = reservation::api::grpc::methods(&app.app);
    let served: BTreeMap<_, _> = methods.methods().collect();
    let described = ["Availability", "Reservations", "Log"].into_iter().flat_map(|service| {
        let service = rpc::descriptors().get_service_by_name(&format!("meja.v1.{service}")).unwrap();
        service
            .methods()
            .map(|method| format!("/{}/{}", service.full_name(), method.name()))
            .collect::<Vec<_>>()
    });
    let mut described: Vec<_> = described.collect();
    described.sort();
    assert_eq!(served.keys().copied().collect::<Vec<_>>(), described);
    let scope = |word: &str| word.parse::<Scope>().unwrap();
    let needs = BTreeMap::from(NEEDS);
    for (method, operation) in SAME {
        let expected = match needs[operation] {
            Needs::Nothing => Access::Public,
            Needs::Needed(word) => Access::Scope(scope(word)),
            Needs::Own(word) => Access::Own(scope(word)),
            other => panic!("{operation} needs {other:?}"),
        };
        assert_eq!(served[&format!("/meja.v1.{method}")[..]], expected, "{method}");
    }
    assert_eq!(served["/meja.v1.Log/Follow"], Access::Scope(Scope::Feed));
    assert_eq!(served.len(), SAME.len() + 1);
}
