"""Event Grid's events in these tests have the fields that Azure published, in the last client that has their models."""

import json
import subprocess

from tests.azure.payloads import blob_created, image_pushed
from tests.azure.worker.environment import worker_python

_UNKNOWN = """
import json, sys
from azure.eventgrid import models
def check(document, kind):
    fields = {found["key"]: found["type"] for found in getattr(models, kind)._attribute_map.values()}
    for name, value in document.items():
        if name not in fields:
            yield name
        elif hasattr(models, fields[name]):
            yield from check(value, fields[name])
        elif fields[name] in ("str", "long") and not isinstance(value, {"str": str, "long": int}[fields[name]]):
            yield name
told = [[*check(event, "EventGridEvent"), *check(event["data"], kind)] for event, kind in json.loads(sys.argv[1])]
print(json.dumps(told))
"""


def test_no_field_of_an_event_is_made_up() -> None:
    dropped = (blob_created("specs/ml/dev/app.json"), "StorageBlobCreatedEventData")
    pushed = (image_pushed("boatyard.azurecr.io", "base"), "ContainerRegistryImagePushedEventData")
    wrong = blob_created("x")
    wrong["data"] |= {"madeUp": "x", "contentLength": "5"}
    events = [dropped, pushed, (wrong, dropped[1])]
    command = [worker_python(), "-W", "ignore", "-c", _UNKNOWN, json.dumps(events)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told == [[], [], ["contentLength", "madeUp"]]
