"""Lambda's runtime imports the handler in its init phase, which prepares the first request."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.aws.cloud import Cloud
from tests.aws.site import variables

LOOK = """\
import gc, json, sys, boatyard_aws.handler as handler
ready = [name for name in ("boto3", "boatyard.api", "boatyard_aws.http", "boatyard_aws.events") if name in sys.modules]
collects, answer = gc.isenabled(), handler.http({}, None) if sys.argv[1:] else None
print(json.dumps({"ready": ready, "collects": collects, "answer": answer}))
"""


def imported(*arguments: str, **variables: str) -> dict[str, Any]:
    command = [sys.executable, "-c", LOOK, *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize(("function", "module"), [("http", "boatyard_aws.http"), ("events", "boatyard_aws.events")])
def test_the_init_phase_makes_the_function_ready_and_asks_nobody(cloud: Cloud, function: str, module: str) -> None:
    runtime = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "_HANDLER": f"boatyard_aws.handler.{function}"}
    told = imported(**variables("bucket"), **runtime)
    assert {"boto3", "boatyard.api", module} <= set(told["ready"]) and told["collects"]
    assert not cloud.calls


def test_settings_in_a_bucket_are_not_fetched_in_it(cloud: Cloud) -> None:
    settings = variables("bucket", BOATYARD_SETTINGS="s3://bucket/settings.json")
    told = imported(**settings, AWS_LAMBDA_RUNTIME_API="127.0.0.1:1", _HANDLER="boatyard_aws.handler.http")
    assert "boto3" in told["ready"] and not cloud.calls


def test_elsewhere_an_import_prepares_nothing(cloud: Cloud) -> None:
    assert imported(**variables("bucket"))["ready"] == []


def test_an_invalid_configuration_is_answered_by_the_first_request(cloud: Cloud) -> None:
    runtime = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "_HANDLER": "boatyard_aws.handler.http"}
    told = imported("ask", **variables("bucket", BOATYARD_RUNNER="nomad"), **runtime)
    assert told["answer"]["statusCode"] == 500 and told["collects"]
    assert json.loads(told["answer"]["body"])["code"] == "INTERNAL"
