"""`--locked`: a lock is given back, and nothing is resolved."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from boatyard.lock import Lock, LockedPackage, LockedPlatform, LockedWheel
from boatyard.lock.pylock import to_document
from boatyard_client.cli.inputs import draft_of
from tests.client.commands import boatyard
from tests.core.locks import layer, lock, package

BOTH = ("linux/amd64", "linux/arm64")
LOCK = lock(layer(1, package("requests", "2.32.3"), package("idna", "3.7")))


def spec(folder: Path, *layers: dict[str, Any], **fields: Any) -> str:
    document = {"baseImage": "python:3.12-slim", "pythonVersion": "3.12", "layers": layers, **fields}
    (folder / "spec.json").write_text(json.dumps(document))
    return "spec.json"


def locked(folder: Path, made: Lock) -> str:
    (folder / "pylock.toml").write_text(tomli_w.dumps(to_document(made)))
    return "pylock.toml"


def pip(*packages: str, **options: Any) -> dict[str, Any]:
    return {"pipPackages": {"packages": packages, **options}}


ENV = {"env": {"envVariables": {"A": "b"}}}


def file_of(name: str, lock_name: str, path: str, **given: Any) -> str:
    """The generated file in the context of a file's image."""
    contents = draft_of(name, locked=lock_name, **given).read()
    data = contents.data_of(path) if contents else None
    assert data is not None
    return data.decode()


def test_a_layer_of_packages_installs_the_locks_versions_by_hash(folder: Path) -> None:
    name, lock_name = (
        spec(folder, ENV, pip("requests>=2", options={"pre": True, "extraArgs": "-q"})),
        locked(folder, LOCK),
    )
    text = file_of(name, lock_name, "boatyard-locked/1/requirements.txt")
    assert [line.split("==")[0] for line in text.splitlines() if not line.startswith(" ")] == ["idna", "requests"]
    assert text.count("--hash=sha256:") == 2 and "requests==2.32.3 \\\n" in text
    first, second = draft_of(name, locked=lock_name).spec.layers
    assert first == draft_of(name).spec.layers[0]
    assert second.options.extra_args == "-q --no-deps --require-hashes" and second.options.pre  # type: ignore[union-attr]
    plan = boatyard("plan", name, "--locked", lock_name, "--json").json()
    assert "--no-deps --require-hashes" in plan["dockerfile"]


def test_the_lock_is_part_of_the_key(folder: Path) -> None:
    name = spec(folder, ENV, pip("requests"))
    free = boatyard("plan", name, "--json").json()["key"]
    keys = [
        boatyard("plan", name, "--locked", locked(folder, each), "--json").json()["key"]
        for each in (LOCK, LOCK, lock(layer(1, package("requests", "2.32.4"), package("idna", "3.7"))))
    ]
    assert keys[0] == keys[1] and len({free, *keys}) == 3


def test_a_spec_in_a_file_names_its_lock(folder: Path) -> None:
    (folder / "sub").mkdir()
    locked(folder / "sub", LOCK)
    spec(folder / "sub", ENV, pip("requests"), lock="pylock.toml")
    spec(folder, ENV, pip("requests"))
    given = boatyard("plan", "spec.json", "--locked", "sub/pylock.toml", "--json").json()
    assert boatyard("plan", "sub/spec.json", "--json").json()["key"] == given["key"]
    twice = boatyard("plan", "sub/spec.json", "--locked", "sub/pylock.toml")
    assert twice.code == 1 and "names its own lock" in twice.err
    for given_lock, reason in (("nowhere.toml", "nowhere.toml cannot be read"), (["x"], "not the name of a pylock")):
        done = boatyard("plan", spec(folder, pip("requests"), lock=given_lock))
        assert done.code == 1 and reason in done.err


def test_a_requirements_file_is_replaced_by_the_lock(folder: Path) -> None:
    (folder / "requirements.txt").write_text(
        "# ours\nrequests>=2  # http\nrich; python_version < '3.9'\nidna \\\n --hash=sha256:00\n"
    )
    name = spec(folder, ENV, {"requirements": {"file": "requirements.txt"}})
    text = file_of(name, locked(folder, LOCK), "boatyard-locked/1/requirements.txt", context=folder)
    assert "requests==2.32.3" in text and "idna==3.7" in text
    (folder / "requirements.txt").write_text("requests>=3\n")
    refused = boatyard("plan", name, "--locked", "pylock.toml", "--context", folder)
    assert refused.code == 1 and "asks for requests>=3, and the lock has 2.32.3" in refused.err


def test_platforms_have_their_own_versions_and_come_from_the_lock(folder: Path) -> None:
    made = Lock(
        python="3.12",
        platforms=tuple(
            LockedPlatform(platform=platform, layers=(layer(0, package("a", version), package("b", "1")),))
            for platform, version in zip(BOTH, "12", strict=True)
        ),
    )
    name, lock_name = spec(folder, pip("a", "b")), locked(folder, made)
    text = file_of(name, lock_name, "boatyard-locked/0/requirements.txt")
    assert "a==1 ; (sys_platform == 'linux' and platform_machine == 'x86_64')" in text
    assert "a==2 ; (sys_platform == 'linux' and platform_machine == 'aarch64')" in text and "\nb==1 \\" in text
    assert draft_of(name, locked=lock_name).spec.platform == BOTH


def test_versions_without_hashes_are_pinned(folder: Path) -> None:
    made = lock(layer(0, package("requests", "2.32.3", wheels=False)))
    name, lock_name = spec(folder, pip("requests")), locked(folder, made)
    assert file_of(name, lock_name, "boatyard-locked/0/requirements.txt") == "requests==2.32.3\n"
    (made_layer,) = draft_of(name, locked=lock_name).spec.layers
    assert made_layer.options.extra_args == "--no-deps"  # type: ignore[union-attr]


OWN = LockedPackage(name="own", version="1", wheels=(LockedWheel(file="own-1-py3-none-any.whl", sha256="0" * 64),))


@pytest.mark.parametrize(
    ("layers", "fields", "made", "reason"),
    [
        ((pip("requests<2"),), {}, lock(layer(0, package("requests", "2.0"))), "asks for requests<2"),
        ((pip("requests", "rich"),), {}, lock(layer(0, package("requests", "2.0"))), "the lock has no rich"),
        ((ENV, pip("requests")), {}, lock(layer(0, package("rich", "1"))), "the lock has no requests"),
        ((pip("requests"),), {"pythonVersion": "3.13"}, LOCK, "for Python 3.12, not 3.13"),
        ((pip("requests"),), {"platform": ["linux/arm64"]}, LOCK, "no versions for linux/arm64"),
        ((pip("a @ https://x.example.com/a.whl"),), {}, LOCK, "stands for names only"),
        ((pip("git+https://x.example.com/a"),), {}, LOCK, "stands for names only"),
        ((pip("a", options={"extraArgs": "-c limits.txt"}),), {}, lock(layer(0, package("a", "1"))), "has options"),
        ((pip("a", options={"extraArgs": "--target=/x"}),), {}, lock(layer(0, package("a", "1"))), "has options"),
        ((pip("a"),), {}, lock(layer(0, package("a", "1"), removed=("b",))), "removed b"),
        ((pip("a"),), {}, lock(layer(0, package("a", "1"), OWN)), "no hash for own"),
    ],
)
def test_a_lock_that_does_not_fit_is_refused(
    layers: tuple[dict[str, Any], ...], fields: dict[str, Any], made: Lock, reason: str, folder: Path
) -> None:
    done = boatyard("plan", spec(folder, *layers, **fields), "--locked", locked(folder, made))
    assert done.code == 1 and reason in done.err and done.err.count("\n") == 1 and not done.out


def test_other_inputs_and_arguments_are_refused(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\n")
    locked(folder, LOCK)
    assert "is a Dockerfile" in boatyard("plan", "Dockerfile", "--locked", "pylock.toml").err
    name = spec(folder, pip("requests"))
    for arguments in (("--locked", "nowhere.toml"), ("--locked", "pylock.toml", "--all")):
        done = boatyard("plan", name, *arguments)
        assert done.code != 0 and "--locked" in done.err


def test_uv_installs_exactly_the_file(folder: Path, tmp_path: Path) -> None:
    """uv reads the generated file, and refuses a wheel with another hash."""
    from hashlib import sha256

    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing.py", "")
        archive.writestr(
            "thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nRequires-Dist: absent\n"
        )
        archive.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("thing-1.0.dist-info/RECORD", "")

    def dry_run(digest: str) -> subprocess.CompletedProcess[str]:
        given = LockedWheel(file=wheel.name, url=f"https://files.example.com/{wheel.name}", sha256=digest)
        made = lock(layer(0, LockedPackage(name="thing", version="1.0", wheels=(given,))), platforms=BOTH)
        name, lock_name = spec(folder, pip("thing")), locked(folder, made)
        (folder / "out.txt").write_text(file_of(name, lock_name, "boatyard-locked/0/requirements.txt"))
        options = draft_of(name, locked=lock_name).spec.layers[0].options.extra_args.split()  # type: ignore[union-attr]
        uv = Path(sys.executable).parent / "uv"
        common = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / digest[:8]), "--no-cache"]
        return subprocess.run(
            [uv, "pip", "install", *common, *options, "-r", "out.txt"], capture_output=True, text=True, check=False
        )

    done = dry_run(sha256(wheel.read_bytes()).hexdigest())
    assert done.returncode == 0 and "thing==1.0" in done.stderr
    assert "Hash mismatch" in dry_run("1" * 64).stderr
