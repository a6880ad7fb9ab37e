"""Differences are empty if and only if the keys are equal, and use the SDK's words."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard import key
from boatyard.context import Context, Entry
from boatyard.diff import Difference, FileChange, Side, differences
from boatyard.order import ground_of
from boatyard.settings import BaseImageRule, Output, Settings, Uv
from boatyard.spec import parse_spec
from boatyard.tree import trees_of
from tests.core.orders import BASE, SETTINGS, apt, commands, copy, env, pip, specs, workdir

HASH = "0123456789abcdef" * 4


def side(
    *layers: dict[str, Any], files: dict[str, str] | None = None, settings: Settings = SETTINGS, **fields: Any
) -> Side:
    """`files` maps paths in the context to contents. A path that ends with * is executable, one that ends with / a
    folder."""
    document = {**BASE, **fields, "layers": list(layers)} if "dockerfile" not in fields else fields
    spec = parse_spec(document)
    entries = tuple(_entry(path, content) for path, content in sorted((files or {}).items()))
    context = None
    if files is not None:
        paths = (".",) if spec.dockerfile else tuple(path for layer in spec.layers for path in key.paths_of(layer))
        context = Context(sha256=HASH, size=1, trees=trees_of(entries, paths))
    return Side(spec=spec, ground=ground_of(spec, settings), context=context, entries=entries)


def _entry(path: str, content: str) -> Entry:
    if path.endswith("/"):
        return Entry(path.removesuffix("/"), "folder", 0o755)
    return Entry(path.removesuffix("*"), "file", 0o755 if path.endswith("*") else 0o644, len(content), content)


def texts(before: Side, after: Side) -> list[str]:
    return [difference.text for difference in differences(before, after)]


def image_key(one: Side) -> str:
    return key.compute(one.spec, one.ground, one.context).image


@given(specs, specs)
def test_there_is_a_difference_if_and_only_if_the_keys_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    before, after = _of(one), _of(other)
    assert (differences(before, after) == ()) == (image_key(before) == image_key(after))
    assert differences(before, before) == ()


@given(specs, st.data())
def test_one_layer_more_or_less_is_one_difference(document: dict[str, Any], data: st.DataObject) -> None:
    layers = document.get("layers", [])
    if not layers:
        return
    number = data.draw(st.integers(0, len(layers) - 1))
    shorter = {**document, "layers": layers[:number] + layers[number + 1 :]}
    gone = differences(_of(document), _of(shorter))
    assert [d.what for d in gone] == ["layer"] and gone[0].after is None
    new = differences(_of(shorter), _of(document))
    assert [d.what for d in new] == ["layer"] and new[0].before is None


@given(specs, specs)
def test_every_layer_is_spoken_of_at_most_once_a_side(one: dict[str, Any], other: dict[str, Any]) -> None:
    told = differences(_of(one), _of(other))
    for number in ([d.layer_before for d in told], [d.layer_after for d in told]):
        named = [index for index in number if index is not None]
        assert len(named) == len(set(named))


def _of(document: dict[str, Any]) -> Side:
    spec = parse_spec(document)
    return Side(spec=spec, ground=ground_of(spec, SETTINGS))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([pip("a")], [pip("a", "b")], ["layer 0: with_pip_packages('a') → with_pip_packages('a', 'b')"]),
        ([apt("git")], [], ["layer 0 was removed: with_apt_packages('git')"]),
        ([], [workdir("/x")], ["layer 0 is new: with_workdir('/x')"]),
        (
            [apt("git")],
            [pip("git")],
            ["layer 0 was removed: with_apt_packages('git')", "layer 0 is new: with_pip_packages('git')"],
        ),
        ([apt("x"), pip("y")], [pip("y"), apt("x")], ["with_apt_packages('x') moved from layer 0 to layer 1"]),
        ([env(A="1")], [env(A="2")], ["layer 0: with_env_vars(A): A has another value"]),
        ([env(A="1", B="$A")], [env(B="$A", A="1")], ["layer 0: with_env_vars(A, B) → with_env_vars(B, A)"]),
        ([env(A="1")], [env(A="1", B="")], ["layer 0: with_env_vars(A) → with_env_vars(A, B)"]),
        (
            [apt("one"), pip("requests")],
            [pip("requests", "rich"), apt("one")],
            ["layer 1, now 0: with_pip_packages('requests') → with_pip_packages('requests', 'rich')"],
        ),
        (
            [commands("a"), apt("x")],
            [commands("new"), commands("a"), apt("y")],
            [
                "layer 1, now 2: with_apt_packages('x') → with_apt_packages('y')",
                "layer 0 is new: with_commands(['new'])",
            ],
        ),
        (
            [pip("a", pre=True)],
            [pip("a")],
            ["layer 0: with_pip_packages('a', pre=True) → with_pip_packages('a')"],
        ),
    ],
)
def test_layers_in_the_words_of_the_sdk(before: list[Any], after: list[Any], expected: list[str]) -> None:
    assert texts(side(*before), side(*after)) == expected


def test_what_a_shortened_call_hides_is_told() -> None:
    many = [f"package-number-{number}" for number in range(20)]
    (difference,) = differences(side(pip(*many)), side(pip(*many, "one-more")))
    assert difference.details == ("packages: with 'one-more'",)
    assert "one-more" in difference.text


def test_secrets_differ_by_name_and_mount() -> None:
    def layer(**secret: str) -> dict[str, Any]:
        return {"pipPackages": {"packages": ["a"], "secretMounts": [secret]}}

    (difference,) = differences(side(layer(key="t", envVar="A")), side(layer(key="t", mountPath="/run/t")))
    assert difference.details == ("secret_mounts: without t as $A", "secret_mounts: with t at /run/t")
    assert "t as $A" in difference.text


def test_values_of_variables_are_never_told() -> None:
    before, after = side(env(PASSWORD="hunter2", B="1")), side(env(PASSWORD="hunter3", C="1"))
    assert "hunter" not in str(msgspec.to_builtins(differences(before, after)))


def test_the_ground_differs_too() -> None:
    rule = Settings(base_images=(BaseImageRule(match="*", image="mirror.example.com/python:3.12"),))
    assert texts(side(), side(settings=rule)) == [
        "base image: registry.example.com/base/python:3.12 → mirror.example.com/python:3.12"
    ]
    assert texts(side(), side(pythonVersion="3.13")) == ["python: 3.12 → 3.13"]
    assert texts(side(), side(platform=["linux/arm64"])) == ["platforms: linux/amd64 → linux/arm64"]
    assert texts(side(), side(platform=["linux/amd64"])) == []
    assert texts(side(), side(settings=Settings(uv=Uv(image="u:2")))) == [f"uv: {SETTINGS.uv.image} → u:2"]
    other = Settings(output=Output(compression="gzip", sbom=True))
    assert texts(side(), side(settings=other)) == ["output.compression: zstd → gzip", "output.sbom: False → True"]


def test_files_are_named_below_the_path_of_the_layer() -> None:
    layer = copy("app", "/app")
    before = side(layer, files={"app/": "", "app/a": "1", "app/b": "1", "app/d": "1", "app/x": "1", "z": "1"})
    after = side(layer, files={"app/": "", "app/a": "2", "app/c": "1", "app/d": "1", "app/x*": "1", "z": "2"})
    (difference,) = differences(before, after)
    assert difference.what == "files" and difference.text.endswith("its files differ: changed a and 3 more")
    assert difference.files == (
        FileChange("changed", "a"),
        FileChange("removed", "b"),
        FileChange("added", "c"),
        FileChange("mode", "x"),
    )


def test_a_single_file_is_named_as_well() -> None:
    layer = {"requirements": {"file": "0/requirements.txt"}}
    before, after = side(layer, files={"0/requirements.txt": "1"}), side(layer, files={"0/requirements.txt": "2"})
    (difference,) = differences(before, after)
    assert difference.files[0].change == "changed" and "with_requirements('requirements.txt')" in difference.text


def test_without_entries_it_still_says_that_files_differ() -> None:
    layer = copy("app", "/app")
    before, after = side(layer, files={"app": "1"}), side(layer, files={"app": "2"})
    blind = [msgspec.structs.replace(one, entries=()) for one in (before, after)]
    assert texts(*blind)[0].endswith("its files differ")


def test_dockerfiles_differ_by_line_and_by_file() -> None:
    before = side(dockerfile="FROM a\nRUN x\n", files={"a": "1"})
    after = side(dockerfile="FROM a\nRUN y\n", files={"a": "2"})
    text, files = differences(before, after)
    assert text.details == ("-RUN x", "+RUN y") and files.text == "the context's files differ: changed a"
    (end,) = differences(side(dockerfile="FROM a"), side(dockerfile="FROM a\n"))
    assert end.details == ("line ends or blanks at its end",)


def test_a_dockerfile_and_layers_are_two_things() -> None:
    told = differences(side(dockerfile="FROM a"), side(pip("a")))
    assert "a Dockerfile → layers" in [difference.text for difference in told]


def test_a_difference_is_plain_json() -> None:
    (difference,) = differences(side(pip("a")), side(pip("b")))
    document = msgspec.json.decode(msgspec.json.encode(difference))
    assert document == {
        "what": "layer",
        "text": "layer 0: with_pip_packages('a') → with_pip_packages('b')",
        "before": "with_pip_packages('a')",
        "after": "with_pip_packages('b')",
        "layerBefore": 0,
        "layerAfter": 0,
        "details": ["packages: without 'a'", "packages: with 'b'"],
    }
    assert isinstance(difference, Difference)


def test_what_pulls_the_base_is_told() -> None:
    spec = parse_spec({**BASE, "layers": []})
    sides = [Side(spec=spec, ground=ground_of(spec, SETTINGS, registry_secret=name)) for name in ("", "ghcr", "ghcr")]
    (told,) = differences(sides[0], sides[1])
    assert (told.what, told.text) == ("registry secret", "registry secret: none → ghcr")
    assert differences(sides[1], sides[2]) == ()
