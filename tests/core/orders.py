"""Specs and orders for tests."""

from typing import Any

from hypothesis import strategies as st

from boatyard.context import Context
from boatyard.order import Order
from boatyard.plan import Plan, make_plan
from boatyard.ports import Scope
from boatyard.realm import realm_of
from boatyard.settings import Settings
from boatyard.spec import parse_spec
from boatyard.target import Target

SETTINGS = Settings(
    default_repository="registry.example.com/images",
    platforms=("linux/amd64", "linux/arm64"),
)
BASE = {"baseImage": "registry.example.com/base/python:3.12", "pythonVersion": "3.12"}


def order(*layers: dict[str, Any], context: Context | None = None, **fields: Any) -> Order:
    return Order(
        spec=parse_spec({**BASE, **fields, "layers": list(layers)}),
        scope=Scope("default", "development"),
        target=Target(name="app"),
        context=context,
    )


DEPLOYMENT_KEY = b"0123456789abcdef0123456789abcdef"


def planned(order: Order, settings: Settings = SETTINGS, *, key: bytes = DEPLOYMENT_KEY) -> Plan:
    """Plans an order as the service of a deployment with this key does."""
    return make_plan(order, settings, realm_of(order.scope, settings.isolation, key))


def plan(*layers: dict[str, Any], settings: Settings = SETTINGS, **fields: Any) -> Plan:
    return planned(order(*layers, **fields), settings)


def pip(*packages: str, **options: Any) -> dict[str, Any]:
    return {"pipPackages": {"packages": list(packages), **({"options": options} if options else {})}}


def apt(*packages: str) -> dict[str, Any]:
    return {"aptPackages": {"packages": list(packages)}}


def commands(*lines: str) -> dict[str, Any]:
    return {"commands": {"cmd": list(lines)}}


def env(**variables: str) -> dict[str, Any]:
    return {"env": {"envVariables": variables}}


def workdir(path: str) -> dict[str, Any]:
    return {"workdir": {"workdir": path}}


def copy(src: str, dst: str) -> dict[str, Any]:
    return {"copyConfig": {"src": src, "dst": dst}}


# Printable text with everything that means something to a Dockerfile, a shell or a mount.
hostile_text = st.text(
    st.sampled_from("ab1 \t\"'\\$`{}[]()*?<>|&;#!~=,:@/-\u00e9\u2028\U0001f600")
    | st.characters(codec="utf-8", exclude_categories=("Cc",)),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() != "")
hostile_lines = st.lists(hostile_text, min_size=1, max_size=4).map("\n".join)
env_names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z")
package_names = st.sampled_from(["six", "idna", "a", "b", "ab", "c", "bc"])

layers = st.one_of(
    st.lists(package_names, min_size=1, max_size=3).map(lambda names: pip(*names)),
    st.lists(package_names, min_size=1, max_size=3).map(lambda names: apt(*names)),
    st.lists(hostile_lines, min_size=1, max_size=3).map(lambda lines: commands(*lines)),
    st.dictionaries(env_names, hostile_lines, min_size=1, max_size=3).map(lambda names: env(**names)),
    hostile_text.map(workdir),
    st.builds(
        lambda names, pre, url: pip(*names, pre=pre, indexUrl=url),
        st.lists(package_names, min_size=1, max_size=2),
        st.booleans(),
        st.sampled_from(["", "https://index.example.com/simple"]),
    ),
)
specs = st.fixed_dictionaries(
    {
        "baseImage": st.sampled_from(["python:3.12-slim", "python:3.12", "registry.example.com/x@sha256:" + "0" * 64]),
        "pythonVersion": st.sampled_from(["3.11", "3.12"]),
        "platform": st.lists(st.sampled_from(["linux/amd64", "linux/arm64"]), max_size=2),
        "layers": st.lists(layers, max_size=4),
    }
)
