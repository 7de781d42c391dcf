//! The links of guests.

use access::GuestSide;
use access::link::{Link, LinkOf};
use contract::reservation::view::{GuestLinkView, PayLinkView};

use crate::app::App;
use crate::app::objects::{object_of, object_of_entry};
use crate::domain::waitlist::WaitlistEntry;
use crate::domain::{Charge, Reservation};

impl App {
    /// The link of the guest of `reservation`; `None` for a walk-in, or if the log has no key for links.
    #[must_use]
    pub fn guest_link(&self, reservation: &Reservation) -> Option<GuestLinkView> {
        let object = object_of(reservation);
        self.link(object.guest.filter(|_| !reservation.booking.walk_in)?, "r")
    }

    /// The link of the guest of a waitlist entry; `None` if the log has no key for links.
    #[must_use]
    pub fn guest_link_of_entry(&self, entry: &WaitlistEntry) -> Option<GuestLinkView> {
        self.link(object_of_entry(entry).guest?, "w")
    }

    /// The links to pay what is due for `reservation`.
    #[must_use]
    pub fn pay_links(&self, reservation: &Reservation) -> Vec<PayLinkView> {
        let charges = std::iter::once(&reservation.deposit).chain(reservation.fee.as_deref());
        let due = charges.filter_map(|charge| match charge {
            Charge::Due(due) => Some(due.payment_id),
            _ => None,
        });
        let link = |payment_id| {
            let link = Link { of: LinkOf::Payment(payment_id), generation: reservation.link_generation };
            Some(PayLinkView { payment_id, token: self.projections.access().sign(link)? })
        };
        due.filter_map(link).collect()
    }

    fn link(&self, GuestSide { link, acts_until }: GuestSide, page: &str) -> Option<GuestLinkView> {
        let token = self.projections.access().sign(link)?;
        let url = format!("{}/{page}/{}/{token}", self.public_url, link.of.id());
        Some(GuestLinkView { token, url, expires_at: acts_until })
    }
}
