"""The target of an image is computed from its name, its key and the settings."""

import pytest

from boatyard.errors import BoatyardError
from boatyard.target import Target, reference

TAG = "0" * 32
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/images"


@pytest.mark.parametrize(
    ("target", "default", "expected"),
    [
        (Target(name="app"), "ghcr.io/acme", f"ghcr.io/acme/app:{TAG}"),
        (Target(), "ghcr.io/acme/", f"ghcr.io/acme/image:{TAG}"),
        (Target(name="app", registry="ghcr.io/other"), ECR, f"ghcr.io/other/app:{TAG}"),
        (Target(name="app", registry="localhost:30000"), "", f"localhost:30000/app:{TAG}"),
    ],
)
def test_the_reference(target: Target, default: str, expected: str) -> None:
    assert str(reference(target, default, TAG, layout=None)) == expected


def test_one_repository_holds_all_names() -> None:
    assert str(reference(Target(name="app"), ECR, TAG, layout="one")) == f"{ECR}:app-{TAG}"
    elsewhere = Target(name="app", registry="ghcr.io/other")
    assert str(reference(elsewhere, ECR, TAG, layout="one")) == f"ghcr.io/other/app:{TAG}"


@pytest.mark.parametrize(
    ("target", "default"),
    [
        (Target(name="app"), ""),
        (Target(name="App"), "ghcr.io/acme"),
        (Target(name="a/b"), "ghcr.io/acme"),
        (Target(name="a" * 81), ECR),
        (Target(name="app", registry="not a registry"), "ghcr.io/acme"),
    ],
)
def test_what_cannot_be_a_reference_is_refused(target: Target, default: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        reference(target, default, TAG, layout=None)
    assert refused.value.code == "INVALID_SPEC"


@pytest.mark.parametrize("name", ["prefix", "wheels", "facts"])
def test_no_image_has_tags_of_an_artifacts_form(name: str) -> None:
    """Registries and `boatyard prune` remove such tags when they are old."""
    with pytest.raises(BoatyardError, match="choose another"):
        reference(Target(name=name), ECR, TAG, layout="one")
    assert str(reference(Target(name=name), "ghcr.io/acme", TAG, layout="each")) == f"ghcr.io/acme/{name}:{TAG}"
    assert str(reference(Target(name=f"{name}-x"), ECR, TAG, layout="one")) == f"{ECR}:{name}-x-{TAG}"
