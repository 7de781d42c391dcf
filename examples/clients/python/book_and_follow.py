"""Books a table over gRPC, follows the log, and checks the chain of ids.

python book_and_follow.py HOST:PORT KEY

The messages come from the service by reflection, so that no code is generated.
"""

import json
import sys
import uuid
from datetime import datetime, timedelta, timezone

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

# Seconds for one call.
TIMEOUT = 30


class Service:
    """The methods of one service, found by reflection."""

    def __init__(self, channel, pool, name):
        self.channel = channel
        self.name = name
        self.descriptor = pool.FindServiceByName(name)

    def call(self, method, metadata=(), **fields):
        """Calls a method with these fields; a stream for a method that has one."""
        found = self.descriptor.FindMethodByName(method)
        answer = GetMessageClass(found.output_type)
        path = f"/{self.name}/{method}"
        kind = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        stub = kind(path, request_serializer=lambda message: message.SerializeToString(), response_deserializer=answer.FromString)
        return stub(GetMessageClass(found.input_type)(**fields), metadata=metadata, timeout=TIMEOUT)


def book(reservations, key):
    """Books a table for two on an evening in a week, twice with the same Idempotency-Key: it is one booking."""
    day = datetime.now(timezone.utc).date() + timedelta(days=7)
    fields = {
        "customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        # Without an offset it is local time of the restaurant.
        "start_time": f"{day}T19:30",
        # The guest of the sample may have another booking at that time; a key can allow it.
        "allow_duplicate": True,
        "party_size": 2,
    }
    metadata = [("authorization", f"Bearer {key}"), ("idempotency-key", str(uuid.uuid4()))]
    booked = reservations.call("CreateReservation", metadata, **fields)
    again = reservations.call("CreateReservation", metadata, **fields)
    assert booked.reservation_id == again.reservation_id, "a repeated request has the first outcome"
    return booked


def follow(log, key, reservation_id):
    """Checks every event up to the first one of the reservation, and returns how many there were."""
    seen = {}
    for page in log.call("Follow", [("authorization", f"Bearer {key}")]):
        for stored in page.events:
            event = json.loads(stored.json)
            check(event, stored.position, seen)
            seen[event["id"]] = stored.position
            if event["subject"] == f"reservation/{reservation_id}" or reservation_id in event["subject"]:
                return len(seen)
    raise SystemExit("the stream ended before the booking")


def check(event, position, seen):
    """Positions have no gap, an id begins with its position, and a cause comes before its effect."""
    assert position == len(seen) + 1, f"position {position} follows {len(seen)}"
    assert int(event["id"].split("-")[0]) == position, f"{event['id']} is at {position}"
    cause = event.get("causationid")
    assert cause is None or cause in seen, f"{event['id']} has the cause {cause}, which is not before it"


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    address, key = sys.argv[1:]
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        reservations = Service(channel, pool, "meja.v1.Reservations")
        log = Service(channel, pool, "meja.v1.Log")
        booked = book(reservations, key)
        count = follow(log, key, booked.reservation_id)
        try:
            reservations.call("GetReservation", reservation_id=booked.reservation_id)
        except grpc.RpcError as refused:
            assert refused.code() == grpc.StatusCode.UNAUTHENTICATED, refused
        else:
            raise SystemExit("a booking can be read without a credential")
    print(f"booked {booked.code}, {count} events follow each other without a gap")


if __name__ == "__main__":
    main()
