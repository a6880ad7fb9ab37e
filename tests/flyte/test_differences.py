"""The image behaves as the one that flyte's own Docker builder makes from the same description."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import flyte
import pytest
from flyte._internal.imagebuild.docker_builder import DockerImageBuilder

from boatyard.settings import Settings
from tests.flyte import differences, own_builder
from tests.flyte.images import CASES
from tests.flyte.probe import Docker

# The runtime's own; everything else of the file system is compared.
_RUNTIME = ("/proc", "/sys", "/dev", "/run", "/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


@pytest.mark.integration
@pytest.mark.parametrize("name", CASES)
def test_only_wanted_differences(
    name: str, made: Callable[[str], tuple[flyte.Image, str]], docker: Docker, settings: Settings
) -> None:
    image, reference = made(name)
    own_reference = own_builder.build(image, docker, settings, name)
    own = docker.look(own_reference, roots=("/",), without=_RUNTIME, user="root")
    ours = docker.look(reference, roots=("/",), without=_RUNTIME, user="root")
    assert (own.python, own.prefix, own.version) == (ours.python, ours.prefix, ours.version)
    assert own.distributions == ours.distributions
    assert list(differences.of_files(own, ours)) == []
    was, now = docker.config(own_reference), docker.config(reference)
    # Variables of which none refers to another have no order of their own.
    assert sorted(line for line in was.pop("Env") if not line.startswith("_F_IMG_ID=")) == sorted(
        line for line in now.pop("Env") if not line.startswith("_F_IMG_ID=")
    )
    assert own.env["_F_IMG_ID"] == image.uri
    assert ours.env["_F_IMG_ID"].rpartition(":")[0] == reference.partition("@")[0]
    assert sorted(now.pop("Labels")) == ["io.boatyard.build", "io.boatyard.key"]
    was.pop("Labels", None)
    assert was == now


def test_flytes_dockerfile_is_the_one_that_flyte_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test above builds what `DockerImageBuilder` builds: its dry run prints the same text."""

    async def prefix(*_: object) -> list[str]:
        return ["docker"]

    (tmp_path / "app.py").write_text("")
    image = (
        flyte.Image.from_debian_base(install_flyte=False, name="x", registry="registry.example.com")
        .with_pip_packages("six", pre=True)
        .with_source_file(tmp_path / "app.py")
    )
    monkeypatch.setattr(DockerImageBuilder, "_build_command_prefix", prefix)
    flyte.init(image_builder="local")
    asyncio.run(DockerImageBuilder().build_image(image, dry_run=True))
    printed = capsys.readouterr().out
    (tmp_path / "context").mkdir()
    assert own_builder.generate(image, tmp_path / "context").strip() in printed
