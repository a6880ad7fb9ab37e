"""modules/settings converts a cloud root's settings to the document that functions and jobs read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
import pytest

from boatyard.settings import Settings
from boatyard_kubernetes.topology import Topology, choose
from tests.terraform.conftest import initialised
from tests.terraform.generated import VALUES, settings
from tests.terraform.offline.cli import INFRA, Terraform, TerraformFailed
from tests.terraform.offline.mirror import Providers

MODULE: Final = INFRA / "modules" / "settings"
NOT_ASKED: Final = {
    "buildkit.docker",
    "buildkit.dockerHost",
    "buildkit.dockerConfig",
    "buildkit.builder",
    "buildkit.buildctl",
    "buildkit.tlsDirectory",  # of the job, which knows its own
    "uv.directory",
    "kubernetes.namespaces",  # made of the projects
    "kubernetes.createNamespaces",  # Terraform makes them
}
"""Settings that are no variable: they are a machine's own, or follow from others."""
PROJECTS: Final = {"shop": {"domains": ["development", "production"]}, "lab": {"domains": ["x"]}}
SEEDS: Final = range(60)
ROOT: Final[dict[str, Any]] = {
    "variable": {"image_builder": {"type": "any", "default": {}, "nullable": False}},
    "module": {
        "settings": {
            "source": "../settings",
            "image_builder": "${var.image_builder}",
            "given": "${var.image_builder}",
            "projects": PROJECTS,
            "authentication_type": "google",
            "cache_repository": "r.test/made-cache",
            "default_repository": "r.test/made",
            "driver": "buildctl",
        }
    },
}
"""As a cloud's root calls it, without the cloud."""


def test_it_takes_core_s_settings_of_core_s_types() -> None:
    text = (MODULE / "variables.tf").read_text()
    wanted = {name: _terraform(kind) for name, kind, _ in _fields(Settings) if name not in NOT_ASKED}
    assert {name: kind for name, kind, _ in _variables(text)} == wanted


def test_a_default_that_it_states_is_core_s() -> None:
    """Except for the service account: without a cloud identity, a job can use the namespace's default one."""
    of_core = {name: default for name, _, default in _fields(Settings)}
    stated = {name: json.loads(text) for name, _, text in _variables((MODULE / "variables.tf").read_text()) if text}
    assert stated.pop("kubernetes.serviceAccount") == "boatyard-builder"
    assert len(stated) > 10 and stated == {name: of_core[name] for name in stated}


def test_its_choices_are_core_s() -> None:
    found = re.findall(r'^    "([\w.]+)" += (\[".*"\])$', (MODULE / "refused.tf").read_text(), re.M)
    wanted = {
        name: list(words) for name, kind, _ in _fields(Settings) if (words := _words(kind)) and name not in NOT_ASKED
    }
    assert {name: json.loads(words) for name, words in found} == wanted


def test_the_generated_settings_are_all_settings() -> None:
    assert set(VALUES) == {name for name, _, _ in _fields(Settings)} - NOT_ASKED


@pytest.mark.integration
def test_its_document_is_what_was_given_and_what_the_root_made(tmp_path: Path, configuration: Providers) -> None:
    """One call for all cases."""
    module = {**ROOT["module"]["settings"], "for_each": "${local.cases}"}
    module |= {"image_builder": "${each.value}", "given": "${each.value}", "builder_image": "r.test/builder:1"}
    cases = {str(seed): settings(seed) for seed in SEEDS}
    terraform = _root(
        tmp_path,
        configuration,
        {
            "locals": {"cases": '${jsondecode(file("cases.json"))}'},
            "module": {"settings": module},
            "output": {"made": {"value": "${module.settings}"}},
        },
    )
    (terraform.folder / "cases.json").write_text(json.dumps(cases))
    terraform.apply()
    for seed, made in terraform.outputs()["made"].items():
        found = msgspec.json.decode(made["json"], type=Settings)
        namespaces = set(made["namespaces"].values())
        assert found == _wanted(cases[seed], namespaces), seed
        assert made["scopes"]["shop/development"] == {"project": "shop", "domain": "development"}
        assert (made["buildkitd"] is not None) == (choose(found) is Topology.MANAGED), seed
        assert made["pod_security"] == ("privileged" if choose(found) is Topology.DAEMONLESS else "restricted"), seed


def _wanted(given: dict[str, Any], namespaces: set[str]) -> Settings:
    own = {"serviceAccount": "boatyard-builder", **given.get("kubernetes", {})}
    own |= {"namespaces": sorted(namespaces), "builderImage": "r.test/builder:1"}
    made = {
        "authenticationType": "google",
        **given,
        "defaultRepository": "r.test/made",
        "cache": {**given.get("cache", {}), "repository": "r.test/made-cache"},
        "access": {"projects": ["lab/x", "shop/development", "shop/production"], **given.get("access", {})},
        "kubernetes": own,
    }
    return msgspec.convert(made, Settings)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, configuration: Providers) -> Terraform:
    return _root(tmp_path_factory.mktemp("settings"), configuration, ROOT)


REFUSED: Final[dict[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "a section that is misspelt": ({"limts": {"layers": 5}}, ("Unknown settings: image_builder.limts.",)),
    "names that are misspelt, wherever they are": (
        {
            "limits": {"layerz": 5},
            "baseImages": [{"match": "a", "image": "b"}, {"match": "c", "image": "d", "tag": "e"}],
            "kubernetes": {"nodeSelector": {"any": "name"}, "tolerations": [{"keys": "a"}]},
            "access": {"callers": [{"match": "a", "project": []}]},
        },
        (
            "image_builder.limits.layerz",
            "image_builder.baseImages[1].tag",
            "image_builder.kubernetes.tolerations[0].keys",
            "image_builder.access.callers[0].project",
        ),
    ),
    "a number that is a word": ({"limits": {"layers": "many"}}, ("a number is required", '{"layers":"many"}')),
    "half a replica": ({"kubernetes": {"replicas": 1.5}}, ("whole numbers", "image_builder.kubernetes.replicas")),
    "less than nothing": ({"output": {"compressionLevel": -1}}, ("whole numbers",)),
    "a list that is none": (
        {"kubernetes": {"tolerations": "all"}},
        ('attribute "kubernetes": attribute "tolerations": list of object required',),
    ),
    "half a rule": (
        {"baseImages": [{"match": "x"}]},
        ('attribute "baseImages": element 0: attribute "image" is required',),
    ),
    "a section that is none": ({"limits": 3}, ('attribute "limits": object required',)),
    "words that are no choice": (
        {"isolation": "none", "network": {"mode": "bridge"}, "authenticationType": "password"},
        (
            "image_builder.isolation must be one of project, deployment.",
            "image_builder.network.mode must be one of default, host, none.",
            "image_builder.authenticationType must be one of noop, google, aws, azure, basic.",
        ),
    ),
    "what only BuildKit makes, without it": (
        {"kubernetes": {"runBuildkit": False}, "layers": "builder", "output": {"sbom": True}},
        (
            "image_builder.layers must be registry, or absent, with kubernetes.runBuildkit = false",
            "they cannot be had with kubernetes.runBuildkit = false",
        ),
    ),
    "an address of no buildkitd": ({"buildkitUri": "https://b:1234"}, ("must begin with tcp:// or unix://",)),
    "a repository with a tag": ({"defaultRepository": "ghcr.io/acme/app:1"}, ("without scheme, tag and digest",)),
}


@pytest.mark.integration
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_by_its_name(root: Terraform, case: str) -> None:
    given, words = REFUSED[case]
    assert (said := _plan(root, given)), "it was planned"
    for expected in words:
        assert expected in said, said


@pytest.mark.integration
@pytest.mark.parametrize(
    "projects", [{"UPPER": {"domains": ["x"]}}, {"a": {"domains": []}}, {}, {"a": {"domains": ["b" * 63]}}]
)
def test_a_project_that_is_no_namespace_is_refused(
    tmp_path: Path, configuration: Providers, projects: dict[str, Any]
) -> None:
    module = {**ROOT["module"]["settings"], "projects": projects}
    said = _plan(_root(tmp_path, configuration, {**ROOT, "module": {"settings": module}}), {})
    assert "must be a valid Kubernetes namespace" in said or "at least one project" in said


@pytest.mark.integration
def test_two_scopes_with_one_namespace_are_refused_by_their_names(tmp_path: Path, configuration: Providers) -> None:
    module = {**ROOT["module"]["settings"], "projects": {"a-b": {"domains": ["c"]}, "a": {"domains": ["b-c", "d"]}}}
    module["builder_image"] = "${var.builder_image}"
    variables = {**ROOT["variable"], "builder_image": {"type": "string", "default": None}}
    terraform = _root(tmp_path, configuration, {"variable": variables, "module": {"settings": module}})
    assert _plan(terraform, {}) == "", "without a cluster there are no namespaces"
    (terraform.folder / "cluster.auto.tfvars.json").write_text('{"builder_image": "r.test/builder:1"}')
    assert "a-b/c and a/b-c have the same namespace, a-b-c" in _plan(terraform, {})
    said = _plan(terraform, {"kubernetes": {"namespaceTemplate": "builds"}})
    assert "a-b/c and a/b-c and a/d have the same namespace, builds" in said
    assert _plan(terraform, {"kubernetes": {"namespaceTemplate": "{project}-in-{domain}"}}) == ""


@pytest.mark.integration
def test_functions_that_make_images_need_layers_of_the_registry(tmp_path: Path, configuration: Providers) -> None:
    module = {**ROOT["module"]["settings"], "functions_build": True}
    document = {**ROOT, "module": {"settings": module}, "output": {"json": {"value": "${module.settings.json}"}}}
    terraform = _root(tmp_path, configuration, document)
    said = _plan(terraform, {"layers": "builder"})
    assert "image_builder.layers must be registry, or absent, with `inline`" in said
    said = _plan(terraform, {"output": {"sbom": True}})
    assert "image_builder.output.provenance and sbom describe what BuildKit builds" in said
    assert _plan(terraform, {"layers": "registry", "output": {"provenance": "off", "sbom": False}}) == ""
    assert _plan(terraform, {}) == ""
    terraform.apply()
    assert json.loads(terraform.outputs()["json"])["layers"] == "registry"


def _root(folder: Path, configuration: Providers, document: dict[str, Any]) -> Terraform:
    terraform = Terraform(folder / "terraform", "modules/cases", configuration)
    terraform.folder.mkdir()
    (terraform.folder / "main.tf.json").write_text(json.dumps(document))
    return initialised(terraform)


def _plan(terraform: Terraform, given: dict[str, Any]) -> str:
    """Terraform's error for these settings in one line; empty without one."""
    (terraform.folder / "terraform.tfvars.json").write_text(json.dumps({"image_builder": given}))
    try:
        terraform("plan", "-no-color", "-input=false")
    except TerraformFailed as failed:
        return re.sub(r"\s+", " ", str(failed))
    return ""


def _fields(section: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path, type and default of each setting."""
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _fields(field.type, f"{field.encode_name}.")
        else:
            yield prefix + field.encode_name, field.type, field.default


def _words(kind: Any) -> tuple[str, ...]:
    """The words of a type that is a choice of words."""
    for each in (kind, *get_args(kind)):
        if get_origin(each) is Literal:
            return get_args(each)
    return ()


def _terraform(kind: Any) -> str:
    if _words(kind):
        return "string"
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return "list(object)" if issubclass(item, msgspec.Struct) else f"list({_terraform(item)})"
    if get_origin(kind) is dict:
        return f"map({_terraform(get_args(kind)[1])})"
    return {str: "string", int: "number", bool: "bool"}[kind]


def _variables(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, type and default of each attribute of `image_builder`."""
    section = ""
    for line in text.splitlines():
        if found := re.match(r"    (\w+) = optional\(object\(\{$", line):
            section = f"{found[1]}."
        elif line.startswith("    })"):
            section = ""
        elif found := re.match(
            r"    (?:  )?(\w+)\s+= optional\((\w+(?:\(\w+\))?|list\(object\(.*\)\))(?:, (\S+))?\)$", line
        ):
            kind = "list(object)" if found[2].startswith("list(object") else found[2]
            yield section + found[1], kind, found[3] or ""
