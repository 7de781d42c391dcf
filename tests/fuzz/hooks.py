"""Checks that only Meja's descriptions can be held to, and bodies that venues accept."""

import json
import os
from datetime import date, timedelta

import schemathesis

# Types of faults that a schema expresses. `value_error` is left for the rules of a venue.
STRUCTURAL = {
    "bool_type",
    "date_parsing",
    "datetime_parsing",
    "dict_type",
    "enum",
    "extra_forbidden",
    "greater_than_equal",
    "int_type",
    "less_than_equal",
    "list_type",
    "missing",
    "string_pattern_mismatch",
    "string_too_long",
    "string_too_short",
    "string_type",
    "uuid_parsing",
}


@schemathesis.check
def schema_valid_requests_have_no_structural_fault(context, response, case):
    """A request that follows the schema must not have a fault that the schema could have excluded."""
    if response.status_code != 422 or not case.meta or not case.meta.generation.mode.is_positive:
        return
    if case.operation.path == "/api/venues/{venue_id}/rules":
        # OpenAPI names only the type of the body: the document has a JSON Schema of its own.
        return
    detail = response.json().get("detail")
    if isinstance(detail, list):
        found = [fault for fault in detail if fault["type"] in STRUCTURAL]
        assert not found, f"the schema is too loose: {found}"


@schemathesis.auth(refresh_interval=None)
class Credentials:
    """What an operation needs: the owner's key, the notifier's for what only services do, or what people present."""

    def get(self, case, context):
        # A run as one role presents the same credential everywhere.
        if "MEJA_AS_SESSION" in os.environ:
            return {"__Host-meja_session": os.environ["MEJA_AS_SESSION"]}
        if "MEJA_AS_TOKEN" in os.environ:
            return os.environ["MEJA_AS_TOKEN"]
        path = context.operation.path
        needs = context.operation.definition.raw.get("security", [])
        schemes = {scheme for need in needs for scheme in need}
        if "bearer" not in schemes and "session" in schemes:
            return {"__Host-meja_session": os.environ["MEJA_SESSION"]}
        if "device" in schemes:
            return {"__Host-meja_device": os.environ["MEJA_DEVICE"]}
        if "staff_link" in schemes:
            return os.environ["MEJA_INVITATION" if "invitation" in path else "MEJA_PASSWORD_RESET"]
        services = ("-results", "/api/access/snapshot", "/api/access/staff/{staff_id}/contact")
        return os.environ["MEJA_NOTIFIER_KEY" if path.endswith(services) else "MEJA_OWNER_KEY"]

    def set(self, case, data, context):
        if isinstance(data, dict):
            case.cookies = data
        elif data:
            case.headers["Authorization"] = f"Bearer {data}"


# A poll of the feed waits as long as the request says, up to 30 s, and would use up the time of a run.
POLL_MS_MAX = 300


@schemathesis.hook
def map_query(context, query):
    """Shortens the long polls of the feed; the bounds of `timeout` stay covered by the coverage phase."""
    wait = (query or {}).get("timeout")
    if isinstance(wait, str) and wait.isdecimal():
        wait = int(wait)
    if isinstance(wait, int) and POLL_MS_MAX < wait <= 30_000:
        return {**query, "timeout": wait % POLL_MS_MAX}
    return query


@schemathesis.hook
def before_call(context, case, **kwargs):
    """Moves half of the valid visits to a day on which the first venue is open, so that some are booked.

    Bodies that are meant to be invalid stay as they are: a repaired one would hide that it is accepted.
    """
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    moved = at_an_open_time(within_the_key(case.body))
    # Assigning a body makes it a body that the request did not have.
    if moved is not case.body:
        case.body = moved


def within_the_key(body):
    """A key that is created has only scopes of the owner's key, which has all but `results`."""
    if not isinstance(body, dict) or not isinstance(body.get("scopes"), list) or "results" not in body["scopes"]:
        return body
    return {**body, "scopes": [scope for scope in body["scopes"] if scope != "results"] or ["read"]}


def at_an_open_time(body):
    """The body of a booking or a move for a time that the first venue may offer; half of the bodies, and others, unchanged."""
    if not isinstance(body, dict) or not isinstance(body.get("start_time"), str):
        return body
    number = sum(json.dumps(body, sort_keys=True, default=str).encode())
    if number % 2:
        return body
    # Thursdays of the next weeks.
    today = date.today()
    day = today + timedelta(days=(3 - today.weekday()) % 7 + 7 * (1 + number % 3))
    moved = {**body, "start_time": f"{day}T{18 + number % 3}:00"}
    if "waitlist_id" not in body and "latest_time" not in body:
        moved["allow_duplicate"] = True
    for name in ("venue_id", "area", "payment_channel", "duration_minutes"):
        moved.pop(name, None)
    if isinstance(moved.get("contact_info"), dict):
        moved["contact_info"] = {**moved["contact_info"], "phone": "+62 812 3456 7890", "email": "sari@example.com"}
    return moved
