"""Which layers uv can install outside of the image."""

import json
from pathlib import Path

import pytest
import tomli_w

from boatyard.lock import Lock, LockedPlatform
from boatyard.lock.pylock import to_document
from boatyard.spec import Layer, PipOptions, PipPackages, PoetryProject, PythonWheels, Requirements, Secret
from boatyard_client.cli.inputs import draft_of
from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.uv_process import UvTool
from boatyard_layers.wheels.words import words
from tests.core.locks import layer as locked_layer
from tests.core.locks import package


def test_indexes_are_variables_and_no_arguments(tmp_path: Path) -> None:
    options = PipOptions(index_url="https://u:$TOKEN@a.example/x", extra_index_urls=("https://b.example",), pre=True)
    layer = PipPackages(packages=("x",), options=options, secret_mounts=(Secret(key="k", env_var="TOKEN"),))
    made = words(layer, tmp_path, {"TOKEN": "hidden"})
    assert made.variables == {
        "UV_INDEX_URL": "https://u:hidden@a.example/x",
        "UV_EXTRA_INDEX_URL": "https://b.example",
    }
    assert (made.options, made.sources, made.requirements) == (("--pre",), (), ("--", "x"))


def test_only_the_sources_are_repeated_for_the_exact_versions(tmp_path: Path) -> None:
    options = PipOptions(extra_args="--upgrade --index-strategy=unsafe-best-match --no-deps")
    made = words(PipPackages(packages=("x",), options=options), tmp_path, {})
    assert made.options == ("--upgrade", "--no-deps")
    assert made.sources == ("--index-strategy", "unsafe-best-match")


def test_an_index_among_the_options_is_a_variable_too(tmp_path: Path) -> None:
    text = "-q --index-url https://a.example/x --extra-index-url=https://b.example --extra-index-url https://c.example"
    options = PipOptions(extra_args=text, extra_index_urls=("https://d.example",))
    made = words(PipPackages(packages=("x",), options=options), tmp_path, {})
    assert (made.options, made.sources) == ((), ())
    assert made.variables == {
        "UV_INDEX_URL": "https://a.example/x",
        "UV_EXTRA_INDEX_URL": "https://d.example https://b.example https://c.example",
    }


def test_a_lock_that_is_given_back_is_taken(tmp_path: Path) -> None:
    """The file and the options that `--locked` makes of a layer."""
    spec = {"baseImage": "x", "pythonVersion": "3.12", "layers": [{"pipPackages": {"packages": ["a"]}}]}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    platforms = [
        LockedPlatform(platform=platform, layers=(locked_layer(0, package("a", version)),))
        for platform, version in (("linux/amd64", "1"), ("linux/arm64", "2"))
    ]
    (tmp_path / "pylock.toml").write_text(tomli_w.dumps(to_document(Lock(python="3.12", platforms=tuple(platforms)))))
    draft = draft_of(str(tmp_path / "spec.json"), locked=str(tmp_path / "pylock.toml"))
    (layer,) = draft.spec.layers
    assert isinstance(layer, Requirements)
    contents = draft.read()
    text = contents.data_of(layer.file) if contents else None
    assert text
    (tmp_path / layer.file).parent.mkdir(parents=True)
    (tmp_path / layer.file).write_bytes(text)
    made = words(layer, tmp_path, {})
    assert made.options == ("--no-deps", "--require-hashes") and len(made.hashes) == 2


@pytest.mark.parametrize(
    "layer",
    [
        PipPackages(packages=("x @ https://a.example/x.whl",)),
        PipPackages(packages=("./x",)),
        PipPackages(packages=("x",), options=PipOptions(extra_args="--system")),
        PipPackages(packages=("x",), options=PipOptions(extra_args="--upgrade-package $X")),
        PipPackages(packages=("x",), options=PipOptions(index_url="file:///x")),
        PipPackages(packages=("x",), secret_mounts=(Secret(key="k", mount_path="/root/.config/uv/uv.toml"),)),
        Requirements(file="options.txt"),
        Requirements(file="address.txt"),
        Requirements(file="md5.txt"),
        Requirements(file="link.txt"),
        Requirements(file="missing.txt"),
        PythonWheels(dir="out", package_name="x"),
        PoetryProject(pyproject="p", poetry_lock="p/poetry.lock"),
    ],
    ids=range(13),
)
def test_what_means_something_else_here_is_left_to_the_builder(tmp_path: Path, layer: Layer) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (tmp_path / "own.txt").write_text("x\n")
    (context / "link.txt").symlink_to(tmp_path / "own.txt")
    (context / "out").symlink_to(tmp_path)
    (context / "options.txt").write_text("x\n--find-links y\n")
    (context / "address.txt").write_text("x @ git+https://a.example/x\n")
    (context / "md5.txt").write_text("x==1 --hash=md5:00\n")
    with pytest.raises(NotExact):
        words(layer, context, {})


def test_uv_sees_credentials_and_networks_and_no_other_variable() -> None:
    given = {"UV_INDEX_OURS_PASSWORD": "p", "HTTPS_PROXY": "h", "TOKEN": "t", "UV_PYTHON": "/opt/venv/bin/python"}
    assert UvTool.environment(given) == {"UV_INDEX_OURS_PASSWORD": "p", "HTTPS_PROXY": "h"}
    with pytest.raises(NotExact, match="UV_OVERRIDE"):
        UvTool.environment({"UV_OVERRIDE": "/x"})
