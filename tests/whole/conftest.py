"""One server for the tests that need no special settings."""

from collections.abc import Iterator

import pytest

from tests.whole.yard import Yard, yard


@pytest.fixture(scope="session")
def boatyard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("whole") / "state") as made:
        yield made
