"""The API's answers match its own OpenAPI description."""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from boatyard.api.openapi import describe
from boatyard.build import State
from boatyard.errors import CODES
from tests.api.site import SPEC, Site

TOO_LARGE = 413
site = Site()
site.runner.finish(site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"], None)
schema = schemathesis.openapi.from_wsgi("/openapi.json", site.wsgi)


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: schemathesis.Case) -> None:
    response = case.call()
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
        response_headers_conformance,
        unsupported_method,
    ]
    if response.status_code != TOO_LARGE:  # a refusal as well, which schemathesis does not count as one
        checks.append(negative_data_rejection)
    case.validate_response(response, checks=checks)


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
