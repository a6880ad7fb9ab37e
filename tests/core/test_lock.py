"""A lock has a form for registries and one for people and tools, and neither can contain a credential."""

import json
from typing import Any

import msgspec
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from boatyard.decoding import Undecodable
from boatyard.lock import (
    LARGEST,
    Lock,
    LockedPackage,
    LockedPlatform,
    LockedWheel,
    decode,
    encode,
    without_credentials,
)
from boatyard.lock.pylock import from_text, packages_of, to_document
from boatyard.lock.versions import version_changes
from boatyard.toml import loads
from tests.core.locks import layer, lock, package

BOTH = ("linux/amd64", "linux/arm64")
REQUESTS = package("requests", "2.32.3")
UPGRADED = lock(layer(0, package("idna", "3.7"), REQUESTS), layer(2, package("idna", "3.10"), removed=("requests",)))


def text_of(made: Lock) -> str:
    return tomli_w.dumps(to_document(made))


def selected(text: str, machine: str) -> dict[str, str]:
    """What an installer takes from a pylock.toml on a machine."""
    document = Pylock.from_dict(loads(text))
    environment: Any = {"sys_platform": "linux", "platform_machine": machine, "python_full_version": "3.12.4"}
    found = document.select(environment=environment, tags=_tags(machine))
    return {each.name: str(each.version) for each, _ in found}


def _tags(machine: str) -> Any:
    from packaging.tags import parse_tag

    return sorted({*parse_tag("py3-none-any"), *parse_tag(f"cp312-cp312-manylinux_2_28_{machine}")}, key=str)


def test_the_last_layer_that_changes_a_package_decides() -> None:
    (platform,) = UPGRADED.platforms
    assert {name: each.version for name, each in platform.installed.items()} == {"idna": "3.10"}


def test_both_forms_give_the_lock_back() -> None:
    for made in (UPGRADED, lock(layer(1, REQUESTS), platforms=BOTH), lock(layer(0, package("own", "1", wheels=False)))):
        assert decode(encode(made)) == made
        assert from_text(text_of(made)) == made


def test_an_installer_takes_each_platforms_packages() -> None:
    amd64, arm64 = "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_aarch64"
    made = Lock(
        python="3.12",
        platforms=(
            LockedPlatform(
                platform=BOTH[0],
                layers=(layer(0, package("numpy", "2.1", tags=amd64), package("mkl", "1", tags=amd64), REQUESTS),),
            ),
            LockedPlatform(
                platform=BOTH[1], layers=(layer(0, package("numpy", "2.1", tags=arm64), package("requests", "2.31")),)
            ),
        ),
    )
    text = text_of(made)
    assert selected(text, "x86_64") == {"numpy": "2.1", "mkl": "1", "requests": "2.32.3"}
    assert selected(text, "aarch64") == {"numpy": "2.1", "requests": "2.31"}


def test_a_package_without_wheels_is_only_below_tool() -> None:
    document = to_document(lock(layer(0, package("own", "1", wheels=False), REQUESTS)))
    assert [each["name"] for each in document["packages"]] == ["requests"]
    assert "own" in json.dumps(document["tool"])


def test_a_changed_text_is_refused() -> None:
    text = text_of(UPGRADED)
    first = text.replace('version = "3.10"', 'version = "3.11"', 1)
    assert first != text
    with pytest.raises(Undecodable, match="changed by hand"):
        from_text(first)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a lock of Boatyard"),
        ("tool = 1", "not a lock of Boatyard"),
        ('lock-version = "1.0"\n[tool.boatyard]\nlock = 1', "Expected `object`"),
        ("x = [", "not TOML"),
        ("x = " + "[" * 5_000, "nested too deeply|not TOML"),
        ("#" * 13_000_000, "longer than"),
    ],
)
def test_other_texts_are_refused(text: str, reason: str) -> None:
    with pytest.raises(Undecodable, match=reason):
        from_text(text)


def changed(**fields: object) -> bytes:
    """A lock of one package, of which some fields have other values."""
    document: dict[str, Any] = json.loads(encode(lock(layer(0, REQUESTS))))
    document["platforms"][0]["layers"][0]["packages"][0] |= fields
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[" * 100_000,
        b" " * (LARGEST + 1),
        changed(name="Requests"),
        changed(name="../requests"),
        changed(version="1; rm"),
        changed(version="--index"),
        changed(index="https://user:hunter2@index.example.com/simple"),
        changed(index="https://index.example.com/simple?token=hunter2"),
        changed(index="file:///etc/passwd"),
        changed(other=1),
        changed(wheels=[{"file": "a/b.whl", "sha256": "0" * 64}]),
        changed(wheels=[{"file": "a.whl", "sha256": "0" * 63}]),
        changed(wheels=[{"file": "a.whl", "sha256": "0" * 64, "url": "https://x.example.com/a.whl#hunter2"}]),
        changed(wheels=[{"file": "a.whl", "sha256": "0" * 64}] * 257),
        encode(lock(layer(0, REQUESTS))).replace(b"linux/amd64", b"linux/amd64\\n"),
        encode(lock(layer(0, REQUESTS))).replace(b'"3.12"', b'"3.12\\n"'),
    ],
)
def test_hostile_documents_are_refused_and_not_quoted(data: bytes) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(data)
    assert "hunter2" not in str(refused.value)


def test_layers_and_platforms_come_once_and_in_order() -> None:
    for wrong in (
        lambda: lock(layer(1), layer(0)),
        lambda: lock(platforms=("linux/arm64", "linux/amd64")),
        lambda: lock(platforms=("linux/amd64", "linux/amd64")),
        lambda: layer(0, REQUESTS, package("requests", "1")),
        lambda: layer(0, REQUESTS, removed=("requests",)),
    ):
        with pytest.raises(ValueError, match=r"not sorted, or repeat|both has and removes"):
            wrong()


@given(
    user=st.text(st.sampled_from("ab0-_.~%:"), max_size=8),
    rest=st.text(st.sampled_from("ab/?#@:;=&[]\\ \t\né"), max_size=12),
)
def test_no_address_keeps_a_credential(user: str, rest: str) -> None:
    cleaned = without_credentials(f"https://{user}@index.example.com/{rest}")
    assert cleaned == "" or cleaned.startswith("https://index.example.com/")
    assert without_credentials(cleaned) == cleaned and not set("?#\n\t ") & set(cleaned)
    made = LockedPackage(name="a", version="1", index=cleaned)
    assert msgspec.convert(msgspec.to_builtins(made), LockedPackage) == made


RESOLVED = """
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.12"

[[packages]]
name = "torch"
version = "2.8.0+cpu"
index = "https://me:hunter2@index.example.com/simple"
[[packages.wheels]]
url = "https://me:hunter2@files.example.com/torch-2.8.0%2Bcpu-cp312-cp312-linux_x86_64.whl?sig=hunter2"
upload-time = 2026-01-01T00:00:00Z
hashes = { sha256 = "SHA" }

[[packages]]
name = "own"
version = "1"
wheels = [{ path = "dist/own-1-py3-none-any.whl", hashes = { sha256 = "SHA" } }]

[[packages]]
name = "source"
directory = { path = "./source" }
""".replace("SHA", "a" * 64)


def test_a_resolvers_pylock_gives_packages_without_its_credentials() -> None:
    own, torch = packages_of(RESOLVED)
    assert own.wheels == (LockedWheel(file="own-1-py3-none-any.whl", sha256="a" * 64),)
    assert (torch.name, torch.version, torch.index) == ("torch", "2.8.0+cpu", "https://index.example.com/simple")
    (wheel,) = torch.wheels
    assert wheel.file == "torch-2.8.0+cpu-cp312-cp312-linux_x86_64.whl"
    assert wheel.url == "https://files.example.com/torch-2.8.0%2Bcpu-cp312-cp312-linux_x86_64.whl"
    made = lock(layer(0, own, torch))
    assert from_text(text_of(made)) == made and "hunter2" not in text_of(made)


@pytest.mark.parametrize(
    "text", [RESOLVED.replace('"own"', '"torch"'), RESOLVED.replace('"2.8.0+cpu"', '"2 8"'), "packages = 1"]
)
def test_a_resolvers_strange_pylock_is_refused(text: str) -> None:
    with pytest.raises(Undecodable):
        packages_of(text)


def test_changed_versions_are_named_with_their_platforms() -> None:
    before = lock(layer(0, package("a", "1"), package("b", "1"), package("c", "1")), platforms=BOTH)
    amd64, arm64 = (
        LockedPlatform(platform=platform, layers=(layer(0, package("a", "2"), package("d", "1"), *more),))
        for platform, more in zip(BOTH, ([package("c", "1")], [package("c", "3")]), strict=True)
    )
    after = Lock(python="3.12", platforms=(amd64, arm64))
    assert [change.text for change in version_changes(before, after)] == [
        "a 1 → 2",
        "b 1 was removed",
        "c 1 → 3 (linux/arm64)",
        "d 1 is new",
    ]
    assert version_changes(before, before) == ()
    assert version_changes(before, Lock(python="3.12", platforms=(amd64,)))[0].platforms == ()
