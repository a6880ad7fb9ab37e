"""Keys: canonical, injective, stable."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from boatyard import canonical
from boatyard.context import Context, Entry, tree_digest
from boatyard.order import Order
from boatyard.ports import Scope
from boatyard.settings import BaseImageRule, Output, Settings, Uv
from boatyard.spec import ImageSpec, parse_spec, spec_document
from tests.core.orders import SETTINGS, apt, commands, copy, env, order, pip, plan, planned, specs, workdir

TOGETHER = msgspec.structs.replace(SETTINGS, isolation="deployment")
"""Where projects share what they can."""


def key(*layers: dict[str, Any], **fields: Any) -> str:
    return plan(*layers, **fields).keys.image


def effective(spec: ImageSpec) -> tuple[object, ...]:
    """The meaning of a spec with SETTINGS: everything except the spelling."""
    return (
        spec.base_image,
        spec.python_version,
        spec.platform or SETTINGS.default_platforms,
        tuple((type(layer).__name__, repr(layer)) for layer in spec.layers),
    )


@given(specs, specs)
def test_two_specs_share_a_key_only_if_they_mean_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    specs_ = parse_spec(one), parse_spec(other)
    keys = [planned(Order(spec=s, scope=Scope("p", "d"))).keys.image for s in specs_]
    assert (keys[0] == keys[1]) == (effective(specs_[0]) == effective(specs_[1]))


@given(specs)
def test_a_spec_and_its_json_have_one_key(document: dict[str, Any]) -> None:
    spec = parse_spec(document)
    assert parse_spec(spec_document(spec)) == spec


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # The collisions of the flyte SDK's own tag.
        ([apt("git")], [pip("git")]),
        ([apt("git")], [commands("git")]),
        ([pip("git")], [commands("git")]),
        ([pip("a", "bc")], [pip("ab", "c")]),
        ([apt("a", "bc")], [apt("ab", "c")]),
        ([commands("a", "bc")], [commands("ab", "c")]),
        ([pip("a"), pip("b")], [pip("a", "b")]),
        ([env(A="1", B="2")], [env(A="1 B=2")]),
        ([pip("a", pre=True)], [pip("a", indexUrl="True")]),
        ([pip("a", indexUrl="https://x.example/")], [pip("a", extraIndexUrls=["https://x.example/"])]),
        ([pip("a", extraIndexUrls=["https://x.example/", "https://y.example/"])], [pip("a", extraIndexUrls=["https://x.example/https://y.example/"])]),
        ([workdir("/a")], [commands("/a")]),
        ([env(A="1", B="$A")], [env(B="$A", A="1")]),
        ([pip("a"), apt("b")], [apt("b"), pip("a")]),
    ],
)  # fmt: skip
def test_what_the_sdk_tag_confuses_is_told_apart(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert key(*one) != key(*other)


def test_platforms_are_part_of_the_key_in_any_order() -> None:
    amd, arm = key(platform=["linux/amd64"]), key(platform=["linux/arm64"])
    both = key(platform=["linux/arm64", "linux/amd64"])
    assert len({amd, arm, both}) == 3
    assert both == key(platform=["linux/amd64", "linux/arm64", "linux/amd64"])
    assert key() == amd  # the deployment's default, by whichever way it is named


@pytest.mark.parametrize(
    "other",
    [
        Settings(default_repository="r.example/i", output=Output(compression="gzip")),
        Settings(default_repository="r.example/i", output=Output(compression_level=9)),
        Settings(default_repository="r.example/i", output=Output(reproducible=True)),
        Settings(default_repository="r.example/i", output=Output(provenance="max")),
        Settings(default_repository="r.example/i", uv=Uv(image="uv.example/uv:1")),
        Settings(default_repository="r.example/i", base_images=(BaseImageRule(match="*", image="r.example/b:1"),)),
    ],
)
def test_deployment_choices_that_change_the_image_change_the_key(other: Settings) -> None:
    assert plan(settings=Settings(default_repository="r.example/i")).keys.image != plan(settings=other).keys.image


def test_mirrors_network_and_limits_do_not_change_the_key() -> None:
    from boatyard.settings import Limits, Network

    same = Settings(
        default_repository="registry.example.com/images",
        registry_mirrors={"docker.io": "mirror.example"},
        network=Network(ca_bundle="/etc/ca.pem", index_url="https://index.example/simple"),
        limits=Limits(concurrent_builds=9),
    )
    assert plan(pip("a"), settings=same).keys == plan(pip("a")).keys


def test_secrets_count_by_name() -> None:
    def with_secret(**fields: str) -> str:
        return key({"pipPackages": {"packages": ["a"], "secretMounts": [fields]}})

    made = {
        with_secret(key="A"),
        with_secret(key="B"),
        with_secret(key="A", group="G"),
        with_secret(key="A", envVar="B"),
        with_secret(key="A", mountPath="/a"),
        key(pip("a")),
    }
    assert len(made) == 6


def test_a_layers_chain_key_depends_on_what_comes_before_and_not_after() -> None:
    first = plan(apt("git"), pip("a")).layers
    changed_after = plan(apt("git"), pip("b")).layers
    changed_before = plan(apt("curl"), pip("a")).layers
    assert first[0].key == changed_after[0].key
    assert first[1].key != changed_after[1].key
    assert first[1].key != changed_before[1].key
    assert first[1].parents == (first[0].key,)


def _context(**trees: str) -> Context:
    return Context(
        sha256="a" * 64,
        size=10,
        trees={path.replace("_", "/"): digest * 64 for path, digest in trees.items()},
    )


def test_only_the_layers_that_read_a_file_change_with_it() -> None:
    layers = (copy("0/a", "."), pip("a"), copy("1/b", "."))
    before = plan(*layers, context=_context(**{"0_a": "1", "1_b": "2"}))
    after = plan(*layers, context=_context(**{"0_a": "1", "1_b": "3"}))
    assert [x.key for x in before.layers][:2] == [x.key for x in after.layers][:2]
    assert before.layers[2].key != after.layers[2].key
    assert before.keys.image != after.keys.image


def test_the_archives_own_digest_counts_only_where_no_tree_is_known() -> None:
    def made(sha: str, trees: dict[str, str]) -> str:
        return plan(copy("0/a", "."), context=Context(sha256=sha * 64, size=1, trees=trees)).keys.image

    assert made("a", {"0/a": "1" * 64}) == made("b", {"0/a": "1" * 64})
    assert made("a", {}) != made("b", {})


def test_a_dockerfile_and_its_files_are_its_key() -> None:
    def made(text: str, tree: str) -> str:
        spec = parse_spec({"dockerfile": text})
        context = Context(sha256="a" * 64, size=1, trees={".": tree * 64})
        return planned(Order(spec=spec, scope=Scope("p", "d"), context=context)).keys.image

    assert len({made("FROM a", "1"), made("FROM b", "1"), made("FROM a", "2")}) == 3


def test_a_tree_digest_is_free_of_order_and_bound_to_everything_else() -> None:
    entries = [
        Entry("a", "file", 0o644, 1, "0" * 64),
        Entry("b", "folder", 0o755),
        Entry("b/c", "link", content="../a"),
    ]
    digest = tree_digest(entries)
    assert digest == tree_digest(reversed(entries))
    for changed in (
        Entry("a", "file", 0o755, 1, "0" * 64),
        Entry("a", "file", 0o4644, 1, "0" * 64),
        Entry("a", "file", 0o644, 2, "0" * 64),
        Entry("a", "file", 0o644, 1, "1" * 64),
        Entry("a", "fifo", 0o644, 1, "0" * 64),
        Entry("x", "file", 0o644, 1, "0" * 64),
    ):
        assert tree_digest([changed, *entries[1:]]) != digest


def test_a_tree_digest_is_the_canonical_one_of_its_rows() -> None:
    entries = [
        Entry("b", "file", 0o4755, 10**12, "0" * 64),
        Entry("b/\u00e9", "link", content="/\u3042"),
        Entry("", "fifo", 0),
        Entry("a", "folder", 0o1777),
    ]
    rows = tuple((e.path, e.kind, e.mode, e.size, e.content) for e in sorted(entries))
    assert tree_digest(entries) == canonical.digest(("boatyard/tree/2", rows))


def test_the_key_does_not_depend_on_where_the_image_goes() -> None:
    from boatyard.target import Target

    one = planned(order(pip("a")))
    other = planned(msgspec.structs.replace(order(pip("a")), target=Target(registry="x.example/y", name="z")), SETTINGS)
    assert one.keys == other.keys
    assert one.target != other.target


def test_secrets_count_by_whose_they_are() -> None:
    """Their values decide what a step fetches, so an image of one project must not answer for another."""

    def keys(project: str, *layers: dict[str, Any]) -> tuple[str, ...]:
        made = msgspec.structs.replace(order(*layers), scope=Scope(project, "development"))
        return planned(made, TOGETHER).keys.layers

    secret = {"commands": {"cmd": ["true"], "secretMounts": [{"key": "A"}]}}
    for layers in ((secret, pip("a")), (pip("a"), secret), (pip("a"), secret, pip("a"))):
        one, other = keys("one", *layers), keys("other", *layers)
        at = layers.index(secret)
        assert one[:at] == other[:at]
        assert not set(one[at:]) & set(other[at:])
        assert one == keys("one", *layers)
    assert keys("one", pip("a")) == keys("other", pip("a"))
