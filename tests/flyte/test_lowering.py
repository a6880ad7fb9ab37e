"""How each call of the SDK is lowered, without an engine or a server."""

from pathlib import Path
from typing import Any

import flyte
import pytest
from flyte._image import _DockerLines

from boatyard.errors import BoatyardError
from boatyard.spec import parse_spec
from boatyard_flyte import sdk
from boatyard_flyte.lowering import Lowered, NamedSecret, lower
from tests.flyte.images import BASE, named
from tests.flyte.wheel import make_wheel


def layers(image: flyte.Image) -> list[Any]:
    found: list[Any] = lower(image).spec.get("layers", [])
    return found


@pytest.mark.parametrize(
    ("image", "layer"),
    [
        (named("x").with_apt_packages("git", "curl"), {"aptPackages": {"packages": ["git", "curl"]}}),
        (named("x").with_commands(["a", "b"]), {"commands": {"cmd": ["a", "b"]}}),
        (named("x").with_workdir("/w"), {"workdir": {"workdir": "/w"}}),
        (named("x").with_env_vars({"B": "1", "A": "$B"}), {"env": {"envVariables": {"B": "1", "A": "$B"}}}),
        (
            named("x").with_pip_packages("six", "idna", pre=True, index_url="https://a", extra_index_urls="https://b"),
            {
                "pipPackages": {
                    "packages": ["six", "idna"],
                    "options": {"pre": True, "indexUrl": "https://a", "extraIndexUrls": ["https://b"]},
                }
            },
        ),
        (
            named("x").with_pip_packages("six", extra_args=" --no-deps "),
            {"pipPackages": {"packages": ["six"], "options": {"extraArgs": "--no-deps"}}},
        ),
    ],
)
def test_layers_without_files(image: flyte.Image, layer: dict[str, Any]) -> None:
    assert layers(image) == [layer]
    assert lower(image).sources == ()


def test_the_order_of_layers_and_of_variables_is_kept() -> None:
    image = named("x").with_commands(["one"]).with_pip_packages("six").with_commands(["two"]).with_env_vars({"Z": "1"})
    image = (
        image.with_env_vars({"A": "2", "0_": "3"} | {"B": "4"}) if False else image.with_env_vars({"B": "4", "A": "2"})
    )
    assert [next(iter(layer)) for layer in layers(image)] == ["commands", "pipPackages", "commands", "env", "env"]
    assert list(layers(image)[-1]["env"]["envVariables"]) == ["B", "A"]


def test_the_sdks_debian_base_without_flyte() -> None:
    lowered = lower(flyte.Image.from_debian_base(install_flyte=False, python_version=(3, 12)))
    assert (lowered.spec["baseImage"], lowered.spec["pythonVersion"]) == ("python:3.12-slim-bookworm", "3.12")
    kinds = [next(iter(layer)) for layer in lowered.spec["layers"]]
    assert kinds == ["commands", "workdir", "env", "aptPackages"]  # the LABEL lines are the SDK maker's
    assert "platform" not in lowered.spec
    assert lowered.name == "flyte"


def test_the_sdks_released_image_is_a_base() -> None:
    lowered = lower(flyte.Image.from_debian_base(python_version=(3, 11)).with_commands(["true"]))
    assert lowered.spec["baseImage"] == f"ghcr.io/flyteorg/flyte:py3.11-v{sdk.FLYTE}"


def test_platforms_are_sent_only_if_somebody_named_them() -> None:
    def sent(image: flyte.Image) -> Any:
        return lower(image.with_commands(["true"])).spec.get("platform")

    default = flyte.Image.from_debian_base(install_flyte=False)
    assert sent(default) is None
    assert sent(default.clone(name="other", extendable=True)) is None
    assert sent(named("x")) is None
    both = ("linux/arm64", "linux/amd64")
    assert sent(flyte.Image.from_debian_base(install_flyte=False, platform=both)) == ["linux/amd64", "linux/arm64"]
    assert sent(named("x").clone(platform=("linux/amd64",), extendable=True)) == ["linux/amd64"]
    assert sent(named("x").clone(platform="linux/arm64", extendable=True)) == ["linux/arm64"]


def test_registry_name_and_their_secret() -> None:
    image = named("one").clone(registry="ghcr.io/acme", name="two", registry_secret="pull", extendable=True)
    lowered = lower(image)
    assert (lowered.registry, lowered.name) == ("ghcr.io/acme", "two")
    assert lowered.registry_secret == NamedSecret("pull")


def test_the_configurations_registry_counts_as_it_is_when_the_image_is_built() -> None:
    image = named("one")
    flyte.init(image_builder="boatyard", image_registry="registry.example.com/team")
    assert lower(image).registry == "registry.example.com/team"


def test_secrets_by_name_variable_and_file() -> None:
    folder = Path("/etc/flyte/secrets")
    secrets = ["plain", flyte.Secret(key="k-ey", group="g"), flyte.Secret(key="file", mount=folder), "plain"]
    image = named("x").with_commands(["true"], secret_mounts=secrets)
    assert layers(image)[0]["commands"]["secretMounts"] == [
        {"key": "plain", "mountRequirement": "ENV_VAR", "envVar": "PLAIN"},
        {"key": "k-ey", "group": "g", "mountRequirement": "ENV_VAR", "envVar": "G_K_EY"},
        {"key": "file", "mountRequirement": "FILE", "mountPath": "/etc/flyte/secrets"},
    ]
    assert [secret.name for secret in lower(image).secrets] == ["plain", "g_k-ey", "file"]


def test_two_secrets_at_one_path_are_refused() -> None:
    folder = Path("/etc/flyte/secrets")
    both = [flyte.Secret(key="one", mount=folder), flyte.Secret(key="two", mount=folder)]
    with pytest.raises(BoatyardError, match="two secrets are mounted at /etc/flyte/secrets"):
        lower(named("x").with_apt_packages("git", secret_mounts=both))


def test_a_requirements_files_name_is_not_in_the_key(tmp_path: Path) -> None:
    file = tmp_path / "my reqs-dev.txt"
    file.write_text("six\n")
    lowered = lower(named("x").with_requirements(file, pre=True).with_requirements(str(file)))
    assert lowered.spec["layers"] == [
        {"requirements": {"file": "0/requirements.txt", "options": {"pre": True}}},
        {"requirements": {"file": "1/requirements.txt"}},
    ]
    assert [(source.path, source.file) for source in lowered.sources] == [
        ("0/requirements.txt", file),
        ("1/requirements.txt", file),
    ]


def test_wheels_and_nothing_else_of_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(tmp_path, "flyteplugins-x", "1.0")
    (tmp_path / "flyteplugins_x-1.0.tar.gz").write_text("")
    monkeypatch.setattr("flyte._image.DIST_FOLDER", tmp_path)
    lowered = lower(named("x").with_local_v2_plugins("flyteplugins-x"))
    assert lowered.spec["layers"] == [{"pythonWheels": {"dir": "0/dist", "packageName": "flyteplugins_x"}}]
    assert [source.path for source in lowered.sources] == [f"0/dist/{wheel.name}"]


def test_a_dockerfile_is_sent_with_the_folder_as_its_context(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("\ufeffFROM scratch\n", encoding="utf-8")
    lowered = lower(flyte.Image.from_dockerfile(path, registry="r.example.com/x", name="n", platform="linux/amd64"))
    assert lowered == Lowered(
        spec={"dockerfile": "FROM scratch\n", "platform": ["linux/amd64"]},
        dockerfile=path,
        registry="r.example.com/x",
        name="n",
    )


def test_a_dockerfile_may_be_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"# caf\xe9\nFROM scratch\n")
    spec = lower(flyte.Image.from_dockerfile(path, registry="r.example.com/x", name="n")).spec
    assert spec == {"dockerfile": "# caf\xe9\nFROM scratch\n", "dockerfileEncoding": "latin-1"}


def test_a_name_of_the_configuration_is_looked_up() -> None:
    image = flyte.Image.from_ref_name("ours").clone(name="x", extendable=True).with_commands(["true"])
    with pytest.raises(BoatyardError, match=r"from_ref_name\('ours'\): no image with that name .*known: none"):
        lower(image)
    flyte.init(image_builder="boatyard", images={"ours": BASE})
    assert lower(image).spec["baseImage"] == BASE


def test_pixi_is_lowered_as_flyte_lowers_it_and_names_its_site(tmp_path: Path) -> None:
    manifest = tmp_path / "pixi.toml"
    manifest.write_text("[workspace]\nchannels = []\nplatforms = ['linux-64']\n")
    (tmp_path / "pixi.lock").write_text("")
    lowered = lower(named("x").with_pixi_project(manifest))
    kinds = [next(iter(layer)) for layer in lowered.spec["layers"]]
    assert kinds == ["aptPackages", "commands", "copyConfig", "copyConfig", "commands", "env"]
    assert lowered.spec["layers"][2]["copyConfig"] == {"src": "0/pixi.toml", "dst": "/opt/pixi-project/pixi.toml"}
    assert "--locked" in lowered.spec["layers"][4]["commands"]["cmd"][0]
    (site,) = lowered.downloads
    assert site.startswith("https://pixi")
    script = tmp_path / "script.py"
    script.write_text("# /// script\n# dependencies = ['six']\n# ///\n")
    lowered = lower(flyte.Image.from_pixi_script(script, name="s"))
    assert lowered.downloads == (site,)


def test_lines_of_the_sdk_that_are_no_labels_are_refused() -> None:
    image = named("x").clone(addl_layer=_DockerLines(lines=("LABEL a=b", "RUN something")))
    with pytest.raises(BoatyardError, match="does not know: 'RUN something'") as refused:
        lower(image)
    assert refused.value.code == "UNSUPPORTED"


def test_a_code_bundle_has_nothing_of_a_server_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".boatyard/secrets").mkdir(parents=True)
    (tmp_path / ".boatyard/secrets/TOKEN").write_text("private")
    (tmp_path / "main.py").write_text("x = 1\n")
    assert sdk.loaded_files(tmp_path, "all") == [tmp_path / "main.py"]


def test_a_code_bundle_that_nobody_resolved_is_refused() -> None:
    with pytest.raises(BoatyardError, match=r"with_code_bundle: .*--copy-style none"):
        lower(named("x").with_code_bundle())


def test_a_missing_file_is_refused_with_the_call_that_names_it(tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    for image, call in (
        (named("x").with_requirements(missing), "with_requirements('missing.txt')"),
        (named("x").with_source_file(missing), "with_source_file('missing.txt')"),
        (named("x").with_source_folder(missing), "with_source_folder('missing.txt')"),
        (named("x").with_uv_project(missing), "with_uv_project('missing.txt')"),
        (named("x").with_poetry_project(missing), "with_poetry_project('missing.txt')"),
        (flyte.Image.from_dockerfile(missing, registry="r", name="n"), "from_dockerfile('missing.txt')"),
        (flyte.Image.from_uv_script(missing, name="n"), "from_uv_script('missing.txt')"),
    ):
        with pytest.raises(BoatyardError) as refused:
            lower(image)
        assert refused.value.code == "INVALID_SPEC"
        assert refused.value.detail.startswith(f"{call}: '{missing}' does not exist")


def test_what_the_core_refuses_is_refused_here_with_the_call() -> None:
    with pytest.raises(BoatyardError, match=r"with_workdir\('/a\\nRUN evil'\): .*line end"):
        lower(named("x").with_workdir("/a\nRUN evil"))


def test_every_lowered_document_is_one_that_the_service_takes(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    image = named("x").with_source_file(tmp_path / "f").with_env_vars({"A": ""}).with_pip_packages("six")
    assert parse_spec(lower(image).spec).layers
