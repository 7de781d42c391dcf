"""Reads a page of the feed with the official SDK of CloudEvents: events.py RESERVATION_URL KEY"""

import json
import sys
import urllib.request

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

request = urllib.request.Request(f"{sys.argv[1]}/events?limit=1000", headers={"Authorization": f"Bearer {sys.argv[2]}"})
with urllib.request.urlopen(request) as response:
    assert response.headers.get_content_type() == "application/cloudevents-batch+json"
    page = json.load(response)
assert page, "there are no events"
for item in page:
    event = JSONFormat().read(CloudEvent, json.dumps(item).encode())
    assert event.get_dataschema() == f"urn:meja:schema:{event.get_type()}", event
    assert isinstance(event.get_data(), dict), event
print(len(page))
