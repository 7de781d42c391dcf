"""The life of a booking, through clients that are generated from the descriptions of both services:
booking.py RESERVATION_URL NOTIFIER_URL KEY"""

import sys
import time
from datetime import datetime, timedelta, timezone

from meja_notifier_client import AuthenticatedClient as Notifier
from meja_notifier_client.api.payments import list_payments
from meja_reservation_client import AuthenticatedClient as Reservations
from meja_reservation_client import models
from meja_reservation_client.api.commands import cancel_reservation, check_in, complete_reservation
from meja_reservation_client.api.reservations import (
    create_reservation,
    get_reservation,
    get_reservation_history,
    list_reservations,
)
from meja_reservation_client.api.service import get_reservation_contact
from meja_reservation_client.types import UNSET

reservations = Reservations(base_url=sys.argv[1], token=sys.argv[3], raise_on_unexpected_status=True)
notifier = Notifier(base_url=sys.argv[2], token=sys.argv[3], raise_on_unexpected_status=True)
contact = models.ContactInfo(name="Luca Però", phone="+39 333 123 4567", email="luca@example.com")
# Soon, so that the party can check in.
start = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()


def until(what, attempt):
    """Repeats `attempt` until it returns a true value, for at most 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := attempt():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"timed out waiting for {what}")


def book(guests):
    body = models.CreateReservation(customer_id="cust-42", contact_info=contact, start_time=start, party_size=guests)
    booked = create_reservation.sync(client=reservations, body=body)
    assert isinstance(booked, models.ReservationView), booked
    return booked


booked = book(6)
assert (booked.status, booked.deposit.status) == ("PENDING", "due"), booked
payment = until(
    "the payment", lambda: list_payments.sync(client=notifier, reservation_id=booked.reservation_id).items
)[0]
contact_now = get_reservation_contact.sync(booked.reservation_id, client=reservations)
page = f"{payment.checkout_url}/{contact_now.pay_links[0].token}"
paid = notifier.get_httpx_client().post(f"{page}/pay")
assert paid.status_code in (200, 303), paid.text


def confirmed():
    return get_reservation.sync(booked.reservation_id, client=reservations).status == "CONFIRMED"


until("the confirmation", confirmed)
check_in.sync(booked.reservation_id, client=reservations)
ended = complete_reservation.sync(booked.reservation_id, client=reservations)
assert ended.status == "COMPLETED", ended
history = get_reservation_history.sync(booked.reservation_id, client=reservations)
assert history.entries[0].action == "reservation.created", history

second = book(2)
cancelled = cancel_reservation.sync(
    second.reservation_id, client=reservations, body=models.Cancel(reason_code="guest_request")
)
assert cancelled.status == "CANCELLED", cancelled
refused = check_in.sync_detailed(second.reservation_id, client=reservations)
assert refused.status_code == 409 and refused.parsed.code == "reservation_cancelled", refused
invalid = create_reservation.sync_detailed(
    client=reservations, body=models.CreateReservation(customer_id="", contact_info=contact, start_time="tomorrow")
)
assert invalid.status_code == 422 and len(invalid.parsed.detail) == 2, invalid
page = list_reservations.sync(client=reservations, limit=1)
assert len(page.items) == 1 and page.next_cursor not in (None, UNSET), page
