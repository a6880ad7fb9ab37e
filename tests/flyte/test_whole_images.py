"""Images with more than layers on a base: Dockerfiles, names, code bundles, platforms."""

import asyncio
import sys
from pathlib import Path

import flyte
import pytest

from boatyard.settings import Settings
from tests.flyte.conftest import Ensure, get, serving, variables
from tests.flyte.images import BASE, named
from tests.flyte.probe import Docker
from tests.flyte.projects import write

pytestmark = pytest.mark.integration


def ask(patch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in variables(url).items():
        patch.setenv(name, value)


def base_reference(settings: Settings) -> str:
    """The reference after FROM in a Dockerfile on this machine."""
    return next((rule.image for rule in settings.base_images if rule.match == BASE), BASE)


def test_a_dockerfile_with_its_folder(tmp_path: Path, ensure: Ensure, docker: Docker, settings: Settings) -> None:
    folder = write(
        tmp_path / "with space",
        {
            "My.Dockerfile": f"FROM {base_reference(settings)}\n"
            "WORKDIR /app\nCOPY . .\nRUN echo ran > /ran\nUSER 1234\n",
            ".dockerignore": "*.log\n!keep.log\nsecret\n",
            "main.py": "print('hello')",
            "noise.log": "",
            "keep.log": "kept",
            "secret/key": "s",
            "deep/er/file": "f",
        },
    )
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("main.py")
    registry = f"{settings.default_repository.partition('/')[0]}/elsewhere"
    reference = ensure(flyte.Image.from_dockerfile(folder / "My.Dockerfile", registry=registry, name="t-dockerfile"))
    assert reference.startswith(f"{registry}/t-dockerfile@sha256:")
    inside = docker.look(reference, roots=("/app",), texts=("/ran",))
    assert {path.removeprefix("/app"): entry.kind for path, entry in inside.files.items()} == {
        "": "folder",
        "/My.Dockerfile": "file",
        "/.dockerignore": "file",
        "/main.py": "file",
        "/keep.log": "file",
        "/deep": "folder",
        "/deep/er": "folder",
        "/deep/er/file": "file",
        "/empty": "folder",
        "/link": "link",
    }
    assert (inside.user, inside.workdir, inside.texts["/ran"]) == ("1234", "/app", "ran\n")


def test_a_name_of_the_configuration_and_code_bundles(
    tmp_path: Path, server: str, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several images in one call, as `flyte build --copy-style none` does."""
    write(
        tmp_path,
        {
            "by_bundled/__init__.py": "",
            "by_bundled/used.py": "USED = 1\n",
            "by_bundled/unused.py": "",
            "data.csv": "1,2\n",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("by_bundled.used")
    ask(monkeypatch, server)
    flyte.init(image_builder="boatyard", images={"ours": BASE}, root_dir=tmp_path)
    base = flyte.Image.from_ref_name("ours").clone(name="t-bundle", extendable=True, python_version=(3, 11))
    loaded = flyte.TaskEnvironment(name="loaded", image=base.with_workdir("/srv/code").with_code_bundle())
    every = flyte.TaskEnvironment(
        name="every", image=base.with_code_bundle("all", dst="/srv/all").with_commands(["true"]), depends_on=[loaded]
    )
    images = flyte.build_images(every, copy_style="none").image_lookup
    assert set(images) == {"loaded", "every"}
    inside = docker.look(images["loaded"], roots=("/srv",), imports=("by_bundled.used:USED",))
    assert {path for path, entry in inside.files.items() if entry.kind == "file"} == {
        "/srv/code/by_bundled/__init__.py",
        "/srv/code/by_bundled/used.py",
    }
    assert inside.imports == {"by_bundled.used:USED": "1"}
    inside = docker.look(images["every"], roots=("/srv",))
    assert {path for path, entry in inside.files.items() if entry.kind == "file"} == {
        "/srv/all/by_bundled/__init__.py",
        "/srv/all/by_bundled/used.py",
        "/srv/all/by_bundled/unused.py",
        "/srv/all/data.csv",
    }
    for name in [name for name in sys.modules if name.startswith("by_bundled")]:
        del sys.modules[name]


def test_commands_of_another_platform_are_refused_before_anything_starts(
    ensure: Ensure, server: str, settings: Settings
) -> None:
    if "linux/arm64" in settings.platforms:
        pytest.skip("this machine builds both; the tests below use it")
    before = get(server, "/v1/builds")
    image = named("t-arm").clone(platform=("linux/arm64",), extendable=True).with_commands(["true"])
    with pytest.raises(flyte.errors.ImageBuildError, match=r"layer 0, with_commands.* on linux/arm64.*emulation"):
        ensure(image)
    assert get(server, "/v1/builds") == before


def test_an_image_for_two_platforms(
    tmp_path: Path, settings: Settings, configuration: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """None of its steps runs, so it needs no emulation; only the setting must allow it."""
    write(tmp_path, {"Dockerfile": "FROM scratch\nARG TARGETARCH\nCOPY file /${TARGETARCH}\n", "file": "content"})
    registry = settings.default_repository
    both: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    image = flyte.Image.from_dockerfile(tmp_path / "Dockerfile", registry=registry, name="t-both", platform=both)  # type: ignore[arg-type]
    with (
        serving(tmp_path_factory.mktemp("both"), configuration, {"BOATYARD_PLATFORMS": ",".join(both)}) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        ask(patch, url)
        flyte.init(image_builder="boatyard")
        uri = flyte.build(image).uri
        found = get(url, f"/v1/images/{uri}")
    assert found["platforms"] == list(both)


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_steps_run_on_each_platform_that_the_machine_has_or_emulates(
    platform: str, tmp_path: Path, ensure: Ensure, docker: Docker, settings: Settings
) -> None:
    """The smallest image with a step: one static binary, which the engine has for both platforms."""
    if platform not in settings.platforms:
        pytest.skip(f"no emulation of {platform} here (binfmt_misc has no qemu); the refusal is tested above")
    binary = Path(settings.uv.directory) / f"uv-{platform.rpartition('/')[2]}"
    (tmp_path / "uv").hardlink_to(binary)
    write(tmp_path, {"Dockerfile": 'FROM scratch\nCOPY uv /uv\nRUN ["/uv", "--version"]\nENTRYPOINT ["/uv"]\n'})
    image = flyte.Image.from_dockerfile(
        tmp_path / "Dockerfile",
        registry=settings.default_repository,
        name="t-step",
        platform=(platform,),  # type: ignore[arg-type]
    )
    reference = ensure(image)
    out = docker.run("run", "--rm", "--network", "host", "--platform", platform, reference, "--version")
    assert "aarch64" in out if platform == "linux/arm64" else "x86_64" in out


def test_images_build_at_the_same_time(ensure: Ensure, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, server)
    flyte.init(image_builder="boatyard")
    images = [named(f"t-parallel-{n}").with_commands([f"echo {n} > /n"]) for n in range(3)]

    async def all_of_them() -> list[str | None]:
        return [build.uri for build in await asyncio.gather(*(flyte.build.aio(image) for image in images))]

    uris = asyncio.run(all_of_them())
    assert [str(uri).partition("@")[0].rpartition("/")[2] for uri in uris] == [f"t-parallel-{n}" for n in range(3)]


def test_a_failed_build_explains_itself(ensure: Ensure, packages: str) -> None:
    image = named("t-fails").with_pip_packages("by-nothing==1.0", index_url=f"{packages}/public/simple")
    with pytest.raises(flyte.errors.ImageBuildError) as failed:
        ensure(image)
    text = str(failed.value)
    assert text.startswith("PACKAGE_NOT_FOUND: ")
    assert "with_pip_packages('by-nothing==1.0'" in text
    assert "  | " in text
    assert "Check its name, version and index." in text
    assert "boatyard logs " in text


def test_without_waiting_the_build_goes_on(server: str, monkeypatch: pytest.MonkeyPatch, ensure: Ensure) -> None:
    ask(monkeypatch, server)
    flyte.init(image_builder="boatyard")
    image = named("t-later").with_commands(["sleep 2"])
    assert flyte.build(image, wait=False).uri is None
    assert ensure(image)
    targets = [build["target"] for build in get(server, "/v1/builds")["builds"]]
    assert sum("t-later" in target for target in targets) == 1


def test_a_dry_run_builds_nothing(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(monkeypatch, server)
    flyte.init(image_builder="boatyard")
    before = get(server, "/v1/builds")
    uri = flyte.build(named("t-dry").with_commands(["echo dry"]), dry_run=True).uri
    out = capsys.readouterr().out
    assert f"target: {uri}" in out
    assert "layer 0: with_commands(['echo dry'])" in out
    assert "FROM " in out
    assert get(server, "/v1/builds") == before
