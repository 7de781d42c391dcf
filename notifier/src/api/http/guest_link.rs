//! The link of a guest or of a member of staff in the URL of a page.

use access::link::{Link, LinkOf};
use chassis::problem::Problem;
use chassis::secret::Token;
use events::{PaymentId, ReservationId, WaitlistId};

/// A link as a URL contains it. Only the reservation service can tell whether it is valid.
pub(super) struct PresentedLink {
    /// The credential to pass on.
    pub(super) token: Token,
    /// What it claims to be for.
    pub(super) of: LinkOf,
}

impl PresentedLink {
    /// Reads a link.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let of = Link::claimed_by(text).ok_or_else(unknown)?.of;
        let token = Token::try_from(text.to_owned()).map_err(|_| unknown())?;
        Ok(Self { token, of })
    }

    /// The text, which contains no character that a URL escapes.
    pub(super) fn text(&self) -> &str {
        self.token.reveal()
    }

    /// The reservation that it is for.
    pub(super) fn reservation_id(&self) -> Result<ReservationId, Problem> {
        match self.of {
            LinkOf::Reservation(id) => Ok(id),
            _ => Err(unknown()),
        }
    }

    /// The payment that it is for.
    pub(super) fn payment_id(&self) -> Result<PaymentId, Problem> {
        match self.of {
            LinkOf::Payment(id) => Ok(id),
            _ => Err(unknown()),
        }
    }

    /// The waitlist entry that it is for.
    pub(super) fn waitlist_id(&self) -> Result<WaitlistId, Problem> {
        match self.of {
            LinkOf::Waitlist(id) => Ok(id),
            _ => Err(unknown()),
        }
    }
}

/// The response to a link that leads nowhere. It does not tell why.
pub(super) fn unknown() -> Problem {
    Problem::not_found("This link is not valid, or no longer. Open the link in the latest message.")
}
