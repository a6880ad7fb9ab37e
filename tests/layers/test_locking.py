"""A lock says what each layer changed, whatever installed it."""

from boatyard.lock import LockedLayer, LockedPackage, decode, encode
from boatyard_layers.locking import lock_of, with_layer
from tests.core.locks import package

VENV = "/opt/venv"


def files(*distributions: str, venv: str = VENV) -> list[str]:
    folder = f"{venv}/lib/python3.12/site-packages"
    return [f"{folder}/{each}.dist-info/{file}" for each in distributions for file in ("METADATA", "RECORD")]


def test_a_layer_has_what_is_new_or_another_version_and_what_is_gone() -> None:
    before = files("requests-2.31.0", "idna-3.7", "Old_Name-1.0")
    after = files("requests-2.32.3", "idna-3.7", "ruamel.yaml-0.18.6", "torch-2.8.0+cpu")
    (made,) = with_layer((), 3, VENV, before, after)
    assert made == LockedLayer(
        layer=3,
        packages=(
            LockedPackage(name="requests", version="2.32.3"),
            LockedPackage(name="ruamel-yaml", version="0.18.6"),
            LockedPackage(name="torch", version="2.8.0+cpu"),
        ),
        removed=("old-name",),
    )


def test_wheels_come_from_the_resolution_if_it_is_what_was_installed() -> None:
    resolved = (package("requests", "2.32.3"), package("idna", "3.8"))
    (made,) = with_layer((), 0, VENV, (), files("requests-2.32.3", "idna-3.7"), resolved)
    idna, requests = made.packages
    assert requests == resolved[0] and idna == LockedPackage(name="idna", version="3.7")


def test_a_layer_that_changes_no_package_is_left_out() -> None:
    one = with_layer((), 0, VENV, (), files("idna-3.7"))
    assert with_layer(one, 1, VENV, files("idna-3.7"), files("idna-3.7")) == one


def test_only_the_environment_counts_and_only_what_installers_write() -> None:
    hostile = (
        *files("idna-3.7", venv="/usr"),
        *files("idna-3.7", venv="/opt/venv2"),
        *files("a-1;rm -rf", "é-1", "--1", "a-", f"a-{'1' * 200}", "x-1\n"),
        "/opt/venv/lib/python3.12/site-packages/sub/idna-3.7.dist-info/METADATA",
        "/opt/venv/lib/python3.12/site-packages/half-1.dist-info/RECORD",
    )
    assert with_layer((), 0, VENV, (), hostile) == ()


def test_an_images_lock_has_its_platforms_in_order() -> None:
    layers = with_layer((), 0, VENV, (), files("idna-3.7"))
    lock = lock_of("3.12", {"linux/arm64": layers, "linux/amd64": ()})
    assert [each.platform for each in lock.platforms] == ["linux/amd64", "linux/arm64"]
    assert decode(encode(lock)) == lock
