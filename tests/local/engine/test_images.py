import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest

from boatyard_local.engine import bases, images, pins, platforms, registry, rootfs, uv_binaries
from boatyard_local.engine.bases import WantedImages
from boatyard_local.engine.debian import AptSource, Release
from boatyard_local.engine.model import EngineError
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.record import EngineLedger, Imported
from boatyard_local.engine.registry import RegistryAccount

AUTHORIZATION = "Basic Ym9hdHlhcmQ6cHc="
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHIVE = AptSource("http://mirror.example/debian", "bookworm", ("main",), KEYRING)
MACHINE = Debian(Release("debian", "bookworm"), (ARCHIVE,), ARCHIVE)


class Registry(BaseHTTPRequestHandler):
    """Answers as docker-registry does, with the test's `digests` and `status`."""

    digests: dict[str, str] = {}  # noqa: RUF012 - replaced by each test's own class
    status = 200
    guarded = True

    def do_HEAD(self) -> None:
        if self.refused():
            return
        found = self.digests.get(self.path)
        self.send_response(self.status if found or self.status != 200 else 404)
        if found:
            self.send_header("Docker-Content-Digest", found)
        self.end_headers()

    def do_GET(self) -> None:
        if not self.refused():
            self.send_response(self.status)
            self.end_headers()

    def refused(self) -> bool:
        if not self.guarded or self.headers["authorization"] == AUTHORIZATION:
            return False
        self.send_response(401)
        self.end_headers()
        return True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[tuple[RegistryAccount, type[Registry]]]:
    class Mine(Registry):
        digests: dict[str, str] = {}  # noqa: RUF012

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield RegistryAccount(f"127.0.0.1:{server.server_address[1]}", AUTHORIZATION), Mine
        server.shutdown()


def test_the_recipe_changes_with_what_goes_into_it() -> None:
    other = ARCHIVE._replace(uri="http://other.example/debian")
    recipe = rootfs.recipe(MACHINE)
    assert recipe == rootfs.recipe(MACHINE)
    assert recipe != rootfs.recipe(MACHINE._replace(sources=(other,)))
    flyte, again = images.flyte("base@sha256:1"), images.flyte("base@sha256:2")
    assert flyte is not None
    assert again is not None
    assert flyte.fingerprint != again.fingerprint


def test_a_newer_debian_still_makes_a_bookworm_base() -> None:
    trixie = AptSource("http://mirror.example/debian", "trixie", ("main",), KEYRING)
    newer = Debian(Release("debian", "trixie"), (trixie,), trixie)
    assert rootfs._sources(newer) == [ARCHIVE.line()]


def test_the_flyte_image_stands_for_the_one_that_flyte_asks_for() -> None:
    from flyte import Image

    recipe = images.flyte("base")
    assert recipe is not None
    asked = Image.from_debian_base(python_version=(3, 11)).base_image
    assert recipe.stands_for == (asked,)
    without = Image.from_debian_base(python_version=(3, 11), install_flyte=False).base_image
    assert without in images.python(MACHINE).stands_for


def test_pins_are_the_installed_versions_and_hold_what_flyte_needs() -> None:
    found = dict(pin.split("==") for pin in pins.pins("flyte"))
    assert found["flyte"] == metadata.version("flyte")
    assert {"flyteidl2", "protobuf", "pydantic-core"} <= found.keys()
    assert "pytest" not in found
    assert pins.version("no-such-distribution") is None
    assert pins.pins("no-such-distribution") == ()


def test_only_what_is_there_as_it_would_be_made_today_is_kept(served: tuple[RegistryAccount, type[Registry]]) -> None:
    account, handler = served
    python = images.python(MACHINE)
    path = f"/v2/{python.repository}/manifests/{python.tag}"
    wanted = WantedImages(MACHINE, flyte=True)
    ledger = EngineLedger(images={python.repository: Imported(python.fingerprint, "sha256:1")})

    assert bases.kept(wanted, account, EngineLedger()).missing == (images.PYTHON, images.FLYTE)
    assert bases.kept(wanted, account, ledger).missing == (images.PYTHON, images.FLYTE), "not in the registry"
    handler.digests[path] = "sha256:2"
    assert bases.kept(wanted, account, ledger).missing == (images.PYTHON, images.FLYTE), "somebody else's"
    handler.digests[path] = "sha256:1"
    kept = bases.kept(wanted, account, ledger)
    assert kept.missing == (images.FLYTE,)
    assert [image.reference for image in kept.images] == [
        f"{account.address}/{python.repository}:{python.tag}@sha256:1"
    ]
    assert bases.are_current(kept.images, account, MACHINE, ledger)
    assert not bases.are_current(kept.images, account, "this is not Debian 12 or 13", ledger)
    older = EngineLedger(images={python.repository: Imported("older", "sha256:1")})
    assert not bases.are_current(kept.images, account, MACHINE, older)


def test_a_registry_that_does_not_say_is_not_taken_for_an_empty_one(
    served: tuple[RegistryAccount, type[Registry]],
) -> None:
    account, handler = served
    assert registry.answers(account)
    assert registry.digest(account, "a/b", "c") is None
    handler.status = 500
    assert not registry.answers(account)
    with pytest.raises(EngineError, match="answered 500"):
        registry.digest(account, "a/b", "c")
    with pytest.raises(EngineError, match="does not answer"):
        registry.digest(RegistryAccount("127.0.0.1:9", ""), "a/b", "c")


def test_a_registry_that_answers_everybody_is_not_ours(served: tuple[RegistryAccount, type[Registry]]) -> None:
    """It is an engine of an earlier version: every RUN step could push to it."""
    account, handler = served
    assert not registry.answers(account._replace(authorization="Basic bm86bm8="))
    handler.guarded = False
    assert not registry.answers(account)


INSPECTED = """\
Name:          default
Driver:        docker

Nodes:
Name:             default
Platforms:        linux/amd64, linux/amd64/v2, linux/amd64/v3, linux/386, linux/arm64*, linux/riscv64
Labels:
"""


def test_platforms_are_those_that_the_builder_lists() -> None:
    assert platforms.buildable(INSPECTED) == ("linux/amd64", "linux/arm64")
    assert platforms.buildable(INSPECTED.replace("linux/arm64*, ", "")) == ("linux/amd64",)
    assert platforms.buildable("") == ()
    assert platforms.native() in ("linux/amd64", "linux/arm64")


def test_the_lock_pins_the_uv_that_flyte_copies_into_images() -> None:
    import flyte._internal.imagebuild.docker_builder as docker_builder

    template = docker_builder.DOCKER_FILE_UV_BASE_TEMPLATE.template
    assert f"astral-sh/uv:{uv_binaries.version()} " in template
    assert "http" not in uv_binaries.LOCK.read_text()


def test_the_binary_is_taken_out_of_the_one_wheel(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="0 wheels"):
        uv_binaries._extract(tmp_path, tmp_path / "uv-amd64")
    with zipfile.ZipFile(tmp_path / "uv-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("uv-1.0.data/scripts/uv", "#!/bin/sh\necho uv\n")
        wheel.writestr("uv-1.0.data/scripts/uvx", "#!/bin/sh\necho uvx\n")
    uv_binaries._extract(tmp_path, tmp_path / "uv-amd64")
    assert subprocess.run([tmp_path / "uv-amd64"], capture_output=True, check=True).stdout == b"uv\n"


def test_a_folder_counts_as_filled_when_its_version_is_written(tmp_path: Path) -> None:
    for name in ("uv-amd64", "uv-arm64"):
        (tmp_path / name).touch()
    assert not uv_binaries.are_there(tmp_path)
    (tmp_path / "version").write_text(uv_binaries.version())
    assert uv_binaries.are_there(tmp_path)
    (tmp_path / "uv-arm64").unlink()
    assert not uv_binaries.are_there(tmp_path)
