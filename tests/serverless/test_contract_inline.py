"""The contract suites of build services, with the function that carries builds out itself."""

import pytest

from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_build_service_played import *  # noqa: F403 - and those of a played container
from tests.serverless.inline_builds import PlayedInline


@pytest.fixture
def builds() -> PlayedInline:
    return PlayedInline()
