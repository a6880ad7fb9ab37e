"""Every call that describes an image, built with the SDK and inspected."""

import pytest

from tests.flyte.conftest import MADE, MadeBy
from tests.flyte.images import CASES
from tests.flyte.probe import Docker

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("name", "maker"), MADE)
def test_the_image_has_what_was_described(name: str, maker: str, made: MadeBy, docker: Docker) -> None:
    case = CASES[name]
    _, reference = made(name, maker)
    inside = docker.look(reference, imports=tuple(case.imports), texts=tuple(case.texts))
    assert inside.imports == case.imports
    assert inside.texts == case.texts
    assert {variable: inside.env.get(variable) for variable in case.env} == case.env
    assert inside.workdir == case.workdir
    assert inside.user == case.user
    assert inside.prefix == "/opt/venv"
    assert inside.version == (3, 11)
