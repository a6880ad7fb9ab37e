"""The API's answers match its own OpenAPI description."""

import os
import subprocess
import sys
from pathlib import Path

from boatyard.api.openapi import describe
from boatyard.build import State
from boatyard.errors import CODES

DESCRIPTION = "/openapi.json"
METHODS = ("get", "put", "post", "delete", "patch")
GENERATED = Path(__file__).with_name("described.py")


def test_every_answer_is_as_described() -> None:
    # The address that has the description itself is the one that schemathesis leaves out.
    operations = [
        name for path, known in describe()["paths"].items() for name in known if name in METHODS and path != DESCRIPTION
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", str(GENERATED)],
        cwd=GENERATED.parent.parent.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and f"\n{len(operations)} passed" in done.stdout, done.stdout[-20_000:]


def test_every_status_and_state_of_the_description_exists() -> None:
    document = describe()
    listed = next(p for p in document["paths"]["/v1/builds"]["get"]["parameters"] if p["name"] == "state")
    assert listed["schema"]["enum"] == list(State)
    described = {
        code
        for path in document["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        for code in response["description"].split(", ")
        if code.isupper()
    }
    assert described <= CODES.keys() | {"OK"}
