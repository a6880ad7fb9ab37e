"""Rewritten examples in the style of the SDK's own: each is planned, or refused with advice."""

from collections.abc import Callable
from pathlib import Path

import flyte
import pytest

from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.ports import Scope
from boatyard.spec import parse_spec
from boatyard_flyte import sdk
from boatyard_flyte.lowering import lower
from boatyard_flyte.order import contents_of
from tests.core.orders import planned
from tests.flyte.projects import write
from tests.flyte.wheel import make_wheel

Image = flyte.Image
_GROUPS = (
    '[project]\nname = "birds"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = []\n'
    '[dependency-groups]\netl = ["polars"]\nml = ["torch", { include-group = "etl" }]\n'
    '[tool.uv]\npackage = false\nconflicts = [[{ group = "etl" }, { group = "ml" }]]\n'
)
_LIBRARY = '[project]\nname = "my-lib"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
_MONOREPO = (
    '[project]\nname = "mono"\nversion = "1"\ndependencies = ["my-lib"]\n[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    "[tool.uv.sources]\nmy-lib = { workspace = true }\n"
)
_PLUGIN = (
    '[project]\nname = "plugin"\ndynamic = ["version"]\n[build-system]\nrequires = ["setuptools", "setuptools_scm"]\n'
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write(
        tmp_path,
        {
            "requirements.txt": "pandas\n",
            "Makefile": "all:\n",
            ".dockerignore": "*.log\n",
            "Dockerfile": "FROM python:3.12-slim\nRUN pip install flyte\n",
            "static/index.html": "",
            "birds/pyproject.toml": _GROUPS,
            "birds/uv.lock": "a lock",
            "mono/pyproject.toml": _MONOREPO,
            "mono/libs/my_lib/pyproject.toml": _LIBRARY,
            "mono/libs/my_lib/src/my_lib/__init__.py": "",
            "plugin/pyproject.toml": _PLUGIN,
            "plain.py": "# /// script\n# requires-python = '>=3.11'\n# dependencies = ['flyte>=2', 'a[all]']\n# ///\n",
            "exact.py": "# /// script\n# requires-python = '==3.13'\n# dependencies = ['flyte']\n# ///\n",
            "dated.py": "# /// script\n# dependencies = ['flyte']\n# [tool.uv]\n# exclude-newer = '2025-06-01'\n"
            "# [[tool.uv.index]]\n# url = 'https://download.pytorch.org/whl/cpu'\n# ///\n",
            "local.py": f"# /// script\n# dependencies = ['plugin @ file://{tmp_path}/plugin']\n# ///\n",
        },
    )
    (folder / "dist").mkdir()
    make_wheel(folder / "dist", "flyte", "2.99")
    monkeypatch.chdir(folder)
    return folder


def debian(name: str = "x", python: tuple[int, int] = (3, 12), *, flyte_inside: bool = True) -> flyte.Image:
    return Image.from_debian_base(name=name, python_version=python, install_flyte=flyte_inside)


SHAPES: dict[str, Callable[[], flyte.Image]] = {
    "packages": lambda: debian().with_pip_packages("fastapi", "uvicorn[standard]", "streamlit==1.41.1", "a>=0.1.3"),
    "an index of its own": lambda: (
        debian()
        .with_pip_packages("flashinfer-python==0.6.4", "flashinfer-cubin")
        .with_pip_packages("flashinfer-jit-cache", index_url="https://flashinfer.ai/whl/cu129")
    ),
    "pre-releases and a second index": lambda: debian().with_pip_packages(
        "vllm", pre=True, extra_index_urls=["https://wheels.vllm.ai/x"], extra_args="--index-strategy unsafe-best-match"
    ),
    "apt": lambda: debian(flyte_inside=False).with_apt_packages("libnuma-dev", "build-essential", "pkg-config"),
    "a compiler": lambda: (
        debian(flyte_inside=False)
        .with_apt_packages("curl", "ca-certificates")
        .with_commands(["sh -c 'curl https://sh.rustup.rs -sSf | sh -s -- -y'"])
        .with_env_vars({"PATH": "/root/.cargo/bin:${PATH}"})
        .with_pip_packages("uv")
    ),
    "files and folders": lambda: (
        debian()
        .with_source_file(Path("Makefile"))
        .with_source_file(Path(".dockerignore"))
        .with_source_folder(Path("static"), "/root/static")
        .with_source_folder(Path("mono/libs/my_lib/src"), copy_contents_only=True)
        .with_dockerignore(Path(".dockerignore"))
        .with_workdir("/root")
    ),
    "step by step": lambda: (
        debian("base-image")
        .with_pip_packages("ty")
        .with_apt_packages("vim")
        .with_commands(["pwd", "ls -al"])
        .with_requirements("requirements.txt")
        .with_source_file(Path("Makefile"))
        .with_env_vars({"hello": "world3"})
    ),
    "somebody's base": lambda: (
        Image.from_base("nvcr.io/nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04@sha256:" + "a" * 64)
        .clone(name="org/image", registry="ghcr.io/acme", extendable=True)
        .with_commands(["/opt/conda/bin/pip install flyte"])
    ),
    "Spark's base": lambda: (
        Image.from_base("apache/spark-py:v3.4.0").clone(name="spark", python_version=(3, 10), extendable=True)
        .with_pip_packages("flyteplugins-spark")
    ),
    "a Dockerfile": lambda: Image.from_dockerfile(Path("Dockerfile"), registry="ghcr.io/acme", name="d"),
    "a group of a project": lambda: debian(flyte_inside=False).with_uv_project(
        "birds/pyproject.toml", extra_args="--only-group etl"
    ),
    "a monorepo": lambda: debian(flyte_inside=False).with_uv_project(Path("mono/pyproject.toml"), pre=True),
    "a monorepo with its code": lambda: (
        debian().with_uv_project("mono/pyproject.toml", project_install_mode="install_project")
        .with_source_folder(Path("mono/libs/my_lib"))
    ),
    "a script": lambda: Image.from_uv_script("plain.py", name="s", python_version=(3, 12)).with_apt_packages("git"),
    "a script with settings": lambda: Image.from_uv_script("dated.py", name="s", registry="ghcr.io/acme"),
    "a script for one Python": lambda: Image.from_uv_script("exact.py", name="s", python_version=(3, 13)),
    "the SDK's own wheel": lambda: debian().clone(
        addl_layer=sdk.PythonWheels(wheel_dir=Path("dist"), package_name="flyte"), extendable=True
    ),
    "secrets": lambda: debian().with_pip_packages(
        "git+https://$GITHUB_PAT@github.com/acme/private.git@main",
        secret_mounts=[flyte.Secret(key="GITHUB_PAT"), flyte.Secret(group="aws", key="id", as_env_var="AWS_KEY")],
    ),
    "a secret as a file": lambda: debian().with_apt_packages(
        "vim", secret_mounts=[flyte.Secret(key="apt", mount=Path("/etc/flyte/secrets"))]
    ),
}  # fmt: skip

REFUSED: dict[str, tuple[Callable[[], flyte.Image], str]] = {
    "a secret by a path": (
        lambda: debian().with_apt_packages("vim", secret_mounts=["/tmp/secret1"]),
        r"with_apt_packages: secret_mounts=\['/tmp/secret1'\].*boatyard secret create.*secret_mounts=\['secret1'\]",
    ),
    "a script for another Python": (
        lambda: Image.from_uv_script("exact.py", name="s", python_version=(3, 11)),
        r"requires Python ==3.13, and the image has 3.11; use from_uv_script\(…, python_version=\(3, 13\)\)",
    ),
    "a plugin whose version is git's": (
        lambda: Image.from_uv_script("local.py", name="s"),
        "'plugin' comes from git .*SETUPTOOLS_SCM_PRETEND_VERSION",
    ),
    "a placeholder": (
        lambda: Image.from_base("<your-registry>/base:1").clone(extendable=True, name="x"),
        "<your-registry>",
    ),
    "a name that is configured nowhere": (
        lambda: Image.from_ref_name("training"),
        "no image with that name is configured",
    ),
    "a folder that is not there": (
        lambda: debian().clone(
            addl_layer=sdk.PythonWheels(wheel_dir=Path("gone"), package_name="flyte"), extendable=True
        ),
        r"with_local_v2_plugins\('flyte'\): 'gone' does not exist",
    ),
}


def order(image: flyte.Image) -> Order:
    lowered = lower(image)
    contents = contents_of(lowered)
    context = contents.context if contents else None
    return Order(spec=parse_spec(lowered.spec), scope=Scope("p", "d"), context=context)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", SHAPES)
def test_is_planned(name: str) -> None:
    assert planned(order(SHAPES[name]())).dockerfile


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_what_to_do(name: str) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(BoatyardError, match=reason) as refused:
        planned(order(make()))
    assert refused.value.code == "INVALID_SPEC"
