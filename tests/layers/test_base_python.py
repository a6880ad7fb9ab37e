"""Which interpreter of a base uv takes is known in the clear case, and everything else is left to BuildKit."""

from collections.abc import Mapping

import pytest

from boatyard_layers.base_python import BasePython, base_python
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter_parts import same_library
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import PathEntry

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OFFICIAL = {
    "/usr/local/bin/python3.11": "program",
    "/usr/local/bin/python3": "-> python3.11",
    "/usr/local/bin/python": "-> python3",
    "/usr/local/lib/python3.11/os.py": "file",
    "/usr/bin/python3.11": "program",
    "/usr/bin/python3": "-> python3.11",
    "/usr/lib/python3.11/os.py": "file",
    "/bin": "-> usr/bin",
    "/opt": "folder",
    "/root": "folder",
}
"""As python:3.11 has them; only the first folder of PATH with a Python counts."""
DEBIAN = {path: kind for path, kind in OFFICIAL.items() if not path.startswith("/usr/local")}


def image(files: Mapping[str, str]) -> Inventory:
    kinds = {"file": "file", "program": "file", "folder": "directory"}
    return Inventory.empty().applied(
        PathEntry(path=path, kind="symlink", mode=0o777, target=kind[3:])
        if kind.startswith("-> ")
        else PathEntry(path=path, kind="hardlink", mode=0o755, target=kind[3:])
        if kind.startswith("=> ")
        else PathEntry(path=path, kind=kinds[kind], mode=0o644 if kind == "file" else 0o755)  # type: ignore[arg-type]
        for path, kind in files.items()
    )


def found(files: Mapping[str, str], version: str = "3.11", passwd: bytes = b"", **variables: str) -> BasePython:
    lines = [f"{name}={value}" for name, value in ({"PATH": PATH} | variables).items()]
    return base_python(version, {"config": {"Env": lines, "WorkingDir": "/srv/app"}}, image(files), passwd)


@pytest.mark.parametrize(
    ("files", "names", "program"),
    [
        (OFFICIAL, ("python3.11", "python3", "python"), "/usr/local/bin/python3.11"),
        (DEBIAN, ("python3.11", "python3"), "/usr/bin/python3.11"),
        # A folder of its own for its names, as the tests' base has.
        ({**DEBIAN, "/usr/local/bin/python3": "-> /usr/bin/python3"}, ("python3",), "/usr/bin/python3.11"),
        ({**DEBIAN, "/usr/local/sbin/pip": "program"}, ("python3.11", "python3"), "/usr/bin/python3.11"),
    ],
)
def test_the_first_folder_of_path_with_a_python_has_it(
    files: dict[str, str], names: tuple[str, ...], program: str
) -> None:
    python = found(
        files, PYTHON_VERSION="3.11.9", LANG="C.UTF-8", PYTHONUNBUFFERED="1", UV_INDEX_URL="https://i.example"
    )
    assert tuple(path.rpartition("/")[2] for path in python.found) == names
    assert (python.program, python.version) == (program, "3.11")


def test_an_image_without_a_path_has_that_of_buildkit() -> None:
    assert base_python("3.11", {}, image(DEBIAN), b"").folder == "/usr/bin"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "its PATH has no Python"),
        ({"/usr/bin/python3.12": "program", "/usr/bin/python2": "program"}, "its PATH has no Python"),
        ({**OFFICIAL, "/usr/local/bin/python": "-> /usr/bin/python3"}, "has several interpreters"),
        (
            {**DEBIAN, "/usr/local/bin/python3": "-> python3.12", "/usr/local/bin/python3.12": "program"},
            "not Python 3.11",
        ),
        (
            {**DEBIAN, "/usr/local/bin/python3.11": "-> pypy3.11", "/usr/local/bin/pypy3.11": "program"},
            "not Python 3.11",
        ),
        ({**DEBIAN, "/usr/local/bin/python3": "program"}, "not Python 3.11"),
        ({**DEBIAN, "/usr/local/bin/python": "-> nowhere"}, "is no program"),
        ({**DEBIAN, "/usr/local/bin/python3.11": "folder"}, "is no program"),
        ({**DEBIAN, "/usr/local/bin/python3.11": "file"}, "is no program"),
        ({**DEBIAN, "/usr/local/bin/python3.11": "=> /usr/bin/python3.11"}, "is no program"),
        ({**DEBIAN, "/usr/local/bin/python3": "-> python", "/usr/local/bin/python": "-> python3"}, "loop of links"),
        (
            {**DEBIAN, "/usr/local/bin/python3": "-> ../../../../x\n/bin/python3.11", "/x\n/bin/python3.11": "program"},
            "unusual",
        ),
        ({**DEBIAN, "/usr/local/bin/python3": "-> /usr/bin/python3/x"}, "which is no folder"),
        ({**DEBIAN, "/usr/local/bin": "-> /usr/local/bin"}, "loop of links"),
        ({**DEBIAN, "/usr/local": "file"}, "which is no folder"),
        ({**DEBIAN, "/usr/lib/python3.11/os.py": "folder"}, "no library beside it"),
        ({**DEBIAN, "/usr/bin/pyvenv.cfg": "file"}, "another environment"),
        ({**DEBIAN, "/usr/pyvenv.cfg": "file"}, "another environment"),
        (
            {**DEBIAN, "/usr/local/bin/python3": "-> /usr/bin/python3", "/usr/local/pyvenv.cfg": "file"},
            "another environment",
        ),
        ({**DEBIAN, "/root/.local/share/uv": "folder"}, "interpreters or settings of uv"),
        ({**DEBIAN, "/root": "-> /home", "/home/.local/share/uv": "folder"}, "interpreters or settings of uv"),
        ({**DEBIAN, "/etc/uv/uv.toml": "file"}, "settings of uv, /etc/uv/uv.toml"),
        ({**DEBIAN, "/srv/pyproject.toml": "file"}, "settings of uv, /srv/pyproject.toml"),
        ({**DEBIAN, "/opt/venv": "folder"}, "has a /opt/venv of its own"),
        ({**DEBIAN, "/opt/venv": "-> /elsewhere"}, "has a /opt/venv of its own"),
        ({**DEBIAN, "/opt": "-> /usr"}, "/opt is no folder"),
    ],
)
def test_another_base_is_left_to_buildkit(files: dict[str, str], why: str) -> None:
    with pytest.raises(NotExact, match=why):
        found(files)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        *((name, "/x", f"sets the variable {name}") for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "XDG_DATA_HOME")),
        *((name, "1", f"sets the variable {name}") for name in ("UV_PYTHON_PREFERENCE", "UV_CACHE_DIR", "UV_NEW")),
        *((name, "/x", f"sets the variable {name}") for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONOPTIMIZE")),
        ("PATH", "usr/bin:/usr/bin", "its PATH has 'usr/bin'"),
        ("PATH", ":/usr/bin", "its PATH has ''"),
        ("PATH", "/usr/local/../bin:/usr/bin", "its PATH has"),
        ("PATH", "/nowhere", "its PATH has no Python"),
        ("HOME", "~", "its home folder is '~'"),
        ("HOME", "/srv", "interpreters or settings of uv, '/srv/.local/share/uv'"),
    ],
)
def test_variables_that_lead_uv_elsewhere_are_left_to_buildkit(name: str, value: str, why: str) -> None:
    with pytest.raises(NotExact, match=why):
        found({**DEBIAN, "/srv/.local/share/uv": "folder"}, **{name: value})


def test_a_name_of_the_base_adds_no_line_to_the_log() -> None:
    with pytest.raises(NotExact) as refused:
        found(DEBIAN, **{"UV_\n[9/9] pushed \x1b[2J": "1"})
    assert len(str(refused.value).splitlines()) == 1 and "[9/9] pushed" in str(refused.value)


def test_the_home_folder_of_root_may_be_elsewhere() -> None:
    files = {**DEBIAN, "/srv/.config/uv": "folder"}
    assert found(files, passwd=b"root:x:0:0\nme:x:1:1::/srv:/bin/sh\n")
    with pytest.raises(NotExact, match="interpreters or settings of uv"):
        found(files, passwd=b"toor:x:0:0::/srv:/bin/sh\n")


@pytest.mark.parametrize("version", ["", "3", "3.11.4", "3.11t", "pypy3.11", ">=3.11"])
def test_only_a_minor_version_is_one_interpreter(version: str) -> None:
    with pytest.raises(NotExact, match="not a minor version"):
        found(DEBIAN, version)


def test_two_images_of_one_version_have_the_same_library() -> None:
    def sized(**sizes: int) -> Inventory:
        files = {"/usr/bin/python3.11": 1, "/usr/lib/python3.11/os.py": 5, "/usr/lib/python3.11/_sysconfigdata_.py": 1}
        named = {f"/usr/lib/python3.11/{name}.py": size for name, size in sizes.items()}
        return Inventory.empty().applied(PathEntry(path=path, size=size) for path, size in {**files, **named}.items())

    assert same_library("/usr/bin/python3.11", sized(_sysconfigdata_=2), sized(_sysconfigdata_=3, new=1))
    assert not same_library("/usr/bin/python3.11", sized(), sized(os=6))
    assert not same_library("/usr/bin/python3.11", sized(old=1), sized())
