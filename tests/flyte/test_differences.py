"""The image behaves as the one that flyte's own Docker builder makes from the same description."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import flyte
import pytest
from flyte._internal.imagebuild.docker_builder import DockerImageBuilder

from boatyard.settings import Settings
from tests.flyte import differences, own_builder
from tests.flyte.conftest import COMPARED, MAKERS, OF_BOTH, MadeBy
from tests.flyte.probe import Docker, Inside


@pytest.fixture(scope="session")
def own(docker: Docker, settings: Settings) -> Callable[[str, flyte.Image], str]:
    """Builds a case with flyte's own builder, once."""
    done: dict[str, str] = {}

    def build(name: str, image: flyte.Image) -> str:
        if name not in done:
            done[name] = own_builder.build(image, docker, settings, name)
        return done[name]

    return build


@pytest.mark.integration
@pytest.mark.parametrize(("name", "maker"), COMPARED)
def test_only_wanted_differences(
    name: str,
    maker: str,
    made: MadeBy,
    own: Callable[[str, flyte.Image], str],
    whole: Callable[[str], Inside],
    docker: Docker,
) -> None:
    image, reference = made(name, maker)
    own_reference = own(name, image)
    theirs, ours = whole(own_reference), whole(reference)
    assert (theirs.python, theirs.prefix, theirs.version) == (ours.python, ours.prefix, ours.version)
    assert theirs.distributions == ours.distributions
    assert list(differences.of_files(theirs, ours)) == []
    was, now = docker.config(own_reference), docker.config(reference)
    # Variables of which none refers to another have no order of their own.
    assert sorted(line for line in was.pop("Env") if not line.startswith("_F_IMG_ID=")) == sorted(
        line for line in now.pop("Env") if not line.startswith("_F_IMG_ID=")
    )
    assert theirs.env["_F_IMG_ID"] == image.uri
    assert ours.env["_F_IMG_ID"].rpartition(":")[0] == reference.partition("@")[0]
    assert sorted(now.pop("Labels")) == ["io.boatyard.build", "io.boatyard.key"]
    was.pop("Labels", None)
    assert was == now


@pytest.mark.integration
@pytest.mark.parametrize("name", OF_BOTH)
def test_both_makers_make_the_same_image(
    name: str, made: MadeBy, whole: Callable[[str], Inside], docker: Docker
) -> None:
    """Byte code and metadata of packages included, which flyte's own builder makes in another way."""
    one, two = (made(name, maker)[1] for maker in MAKERS)
    assert one.partition("@")[0] != two.partition("@")[0]
    assert list(differences.of_files(whole(one), whole(two), differences.OF_MAKERS)) == []
    was, now = docker.config(one), docker.config(two)
    for config in (was, now):
        config.pop("Labels")
        config["Env"] = [line for line in config["Env"] if not line.startswith("_F_IMG_ID=")]
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
