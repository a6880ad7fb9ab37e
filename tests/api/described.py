"""The tests of test_description.py that schemathesis generates, which takes seconds.

In a file of its own, that pytest collects only when it is named: otherwise every worker would generate them.
"""

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

from tests.api.site import SPEC, Site

TOO_LARGE = 413
site = Site()
site.runner.finish(site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"], None)
schema = schemathesis.openapi.from_wsgi("/openapi.json", site.wsgi)


@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
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
