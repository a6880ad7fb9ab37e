"""Inputs of a build besides the Dockerfile: mirrors, network, secrets, registry credentials."""

import base64
import configparser
import json
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard import toml
from boatyard.docker_config import passwords
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobSecret
from boatyard.mirrors import named_contexts
from boatyard.mounts import CA_PATH
from boatyard.reference import Reference
from boatyard.settings import Network
from boatyard_buildkit.docker_config import credential_store, write_docker_config
from boatyard_buildkit.network_script import network_script, pip_file, uv_file
from boatyard_buildkit.secret_files import SecretFiles
from tests.buildkit import jobs

DEEP = '{"auths": {"x": ' + "[" * 10_000 + "]" * 10_000 + "}}"
DIGEST = "sha256:" + "1" * 64


class TestMirrors:
    def test_an_image_of_a_mirrored_host_comes_from_the_mirror(self) -> None:
        contexts = named_contexts(
            ["docker.io/library/python:3.12-slim", f"ghcr.io/a/b@{DIGEST}", "quay.io/x/y:1"],
            {"docker.io": "mirror.example/hub", "ghcr.io": "mirror.example/ghcr/"},
        )
        assert contexts == {
            "python:3.12-slim": "docker-image://mirror.example/hub/library/python:3.12-slim",
            f"ghcr.io/a/b@{DIGEST}": f"docker-image://mirror.example/ghcr/a/b@{DIGEST}",
        }

    @pytest.mark.parametrize(
        ("image", "name"),
        [
            ("python", "python"),
            ("python:latest", "python"),
            ("docker.io/library/python:3.12", "python:3.12"),
            ("docker.io/acme/tool:1", "acme/tool:1"),
            ("ghcr.io/acme/tool", "ghcr.io/acme/tool"),
            (f"python:3.12@{DIGEST}", f"python:3.12@{DIGEST}"),
        ],
    )
    def test_names_are_those_that_buildkit_looks_up(self, image: str, name: str) -> None:
        assert named_contexts([image], {Reference.parse(image).repository.host: "mirror.example"}).keys() == {name}


class TestNetworkFiles:
    NETWORK = Network(index_url="https://u:p%40@i.example/simple", extra_index_urls=("https://one", "https://two"))

    def test_pip_and_uv_read_what_was_written(self) -> None:
        pip = configparser.RawConfigParser()
        pip.read_string(pip_file(self.NETWORK).decode())
        assert dict(pip["global"]) == {
            "index-url": "https://u:p%40@i.example/simple",
            "extra-index-url": "\nhttps://one\nhttps://two",
        }
        assert toml.loads(uv_file(self.NETWORK).decode()) == {
            "index-url": "https://u:p%40@i.example/simple",
            "extra-index-url": ["https://one", "https://two"],
        }

    @pytest.mark.parametrize("name", ["ü", "\N{SHIP}", "\N{SAILBOAT}\N{ROCKET}", '"', "\\"])
    def test_any_character_of_an_index_is_written_as_toml_has_it(self, name: str) -> None:
        network = Network(index_url=f"https://i.example/{name}", extra_index_urls=(f"https://e.example/{name}",))
        assert toml.loads(uv_file(network).decode()) == {
            "index-url": network.index_url,
            "extra-index-url": list(network.extra_index_urls),
        }

    def test_without_an_index_there_is_nothing_to_mount(self) -> None:
        assert pip_file(Network(ca_bundle="/x")) == uv_file(Network(ca_bundle="/x")) == b""


class TestNetworkScript:
    def test_each_tool_gets_what_it_reads(self) -> None:
        script = network_script(
            Network(
                ca_bundle="/site/ca.pem",
                index_url="https://u:p@index.example/simple",
                extra_index_urls=("https://a.example", "https://b.example"),
                https_proxy="http://proxy.example:3128",
                no_proxy="localhost",
            )
        ).decode()
        variables = run(script)
        for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"):
            assert variables[name] == CA_PATH
        assert variables["UV_DEFAULT_INDEX"] == variables["PIP_INDEX_URL"] == "https://u:p@index.example/simple"
        assert variables["UV_INDEX"] == "https://a.example https://b.example"
        assert variables["https_proxy"] == variables["HTTPS_PROXY"] == "http://proxy.example:3128"
        assert "http_proxy" not in variables

    def test_without_a_bundle_no_tool_is_sent_to_one(self) -> None:
        assert CA_PATH not in network_script(Network(index_url="https://index.example")).decode()

    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
    def test_no_value_becomes_a_command(self, value: str) -> None:
        lines = network_script(Network(index_url=value)).decode()
        assert shlex.split(lines)[:2] == ["export", f"UV_DEFAULT_INDEX={value}"]

    def test_hostile_values_in_a_real_shell(self, tmp_path: Path) -> None:
        hostile = f"'; touch {tmp_path}/evil; $(touch {tmp_path}/evil) \"`touch {tmp_path}/evil`\\"
        assert run(network_script(Network(index_url=hostile)).decode())["UV_DEFAULT_INDEX"] == hostile
        assert not (tmp_path / "evil").exists()


def run(script: str) -> dict[str, str]:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{script}\nenv -0"], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    return dict(item.split("=", 1) for item in done.stdout.decode().split("\0") if item)


def job_with(*, secrets: tuple[str, ...] = (), registry: tuple[str, ...] = ()) -> BuildJob:
    return jobs.make(
        secrets=tuple(JobSecret(id=f"secret-{name}", name=name) for name in secrets), registry_secrets=registry
    )


class TestSecretFiles:
    def test_all_missing_ones_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "there").write_text("x")
        with pytest.raises(BoatyardError) as caught:
            SecretFiles(tmp_path, job_with(secrets=("there", "one"), registry=("two",)))
        assert caught.value.code == "SECRET_NOT_FOUND"
        assert caught.value.missing == ("one", "two")

    @pytest.mark.parametrize("name", ["../outside", "a/b", "..", "."])
    def test_names_do_not_lead_elsewhere(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("x")
        folder = tmp_path / "secrets"
        folder.mkdir()
        with pytest.raises(BoatyardError):
            SecretFiles(folder, job_with(secrets=(name,)))

    def test_a_job_without_secrets_needs_no_folder(self) -> None:
        SecretFiles(None, job_with())

    def test_one_that_buildkit_would_refuse_is_refused_with_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "big").write_bytes(bytes(500 * 1024 + 1))
        with pytest.raises(BoatyardError) as caught:
            SecretFiles(tmp_path, job_with(secrets=("big",)))
        assert (caught.value.code, "big" in caught.value.detail) == ("UNSUPPORTED", True)


class TestDockerConfig:
    def write(self, tmp_path: Path, document: Any, *registry: str, store: str = "") -> dict[str, Any]:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "config.json").write_text(json.dumps(document))
        (source / "cli-plugins").mkdir(exist_ok=True)
        job = job_with(registry=registry)
        environment = write_docker_config(tmp_path / "own", source, job, SecretFiles(tmp_path, job), store=store)
        assert environment["DOCKER_CONFIG"] == str(tmp_path / "own")
        loaded: dict[str, Any] = json.loads((tmp_path / "own" / "config.json").read_text())
        return loaded

    def test_a_registry_secret_joins_and_wins(self, tmp_path: Path) -> None:
        (tmp_path / "pull").write_text(json.dumps({"auths": {"b.example": {"auth": "new"}}}))
        own = self.write(
            tmp_path,
            {
                "auths": {"a.example": {"auth": "a"}, "b.example": {"auth": "old"}},
                "credHelpers": {"b.example": "x", "c.example": "y"},
                "credsStore": "desktop",
                "currentContext": "colima",
                "HttpHeaders": {"X": "y"},
            },
            "pull",
        )
        assert own["auths"] == {"a.example": {"auth": "a"}, "b.example": {"auth": "new"}}
        assert own["credHelpers"] == {"b.example": "", "c.example": "y"}
        assert (own["credsStore"], own["currentContext"]) == ("desktop", "colima")
        assert "HttpHeaders" not in own

    def test_a_clouds_helper_is_asked_where_nothing_else_is_said(self, tmp_path: Path) -> None:
        """Docker ignores a file's entries when there is a store, so those hosts get an empty helper."""
        (tmp_path / "pull").write_text(json.dumps({"auths": {"b.example": {"auth": "b"}}}))
        document = {"auths": {"https://a.example/v1/": {"auth": "a"}}, "credHelpers": {"c.example": "y"}}
        own = self.write(tmp_path, document, "pull", store="boatyard-ecr")
        assert own["credsStore"] == "boatyard-ecr"
        assert own["credHelpers"] == {
            **{name: "" for name in ("https://a.example/v1/", "a.example", "b.example")},
            "c.example": "y",
        }

    def test_a_store_of_the_deployments_own_stays(self, tmp_path: Path) -> None:
        own = self.write(tmp_path, {"credsStore": "desktop"}, store="boatyard-ecr")
        assert (own["credsStore"], own["credHelpers"]) == ("desktop", {})

    def test_a_type_means_a_helper_if_there_is_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert credential_store("aws") == ""
        program = tmp_path / "docker-credential-boatyard-ecr"
        program.touch(mode=0o755)
        assert (credential_store("aws"), credential_store("noop")) == ("boatyard-ecr", "")

    def test_a_secret_cannot_choose_programs(self, tmp_path: Path) -> None:
        document = {"auths": {}, "credsStore": "evil", "credHelpers": {"x": "evil"}, "cliPluginsExtraDirs": ["/evil"]}
        (tmp_path / "pull").write_text(json.dumps(document))
        assert "evil" not in json.dumps(self.write(tmp_path, {}, "pull"))

    def test_its_passwords_are_known_however_they_are_written(self) -> None:
        pair = base64.b64encode(b"me:pa:ss").decode()
        auths = {"a": {"auth": pair}, "b": {"password": "plain", "identitytoken": "id"}, "c": {"auth": "no base64"}}
        found = passwords(json.dumps({"auths": auths}).encode())
        assert set(found) == {pair.encode(), b"pa:ss", b"plain", b"id", b"no base64"}

    @pytest.mark.parametrize("document", [b"no json", b'{"auths": 1}', b'{"auths": {"a": {"auth": 1}}}', b"[" * 10_000])
    def test_what_is_no_docker_config_has_no_passwords(self, document: bytes) -> None:
        assert passwords(document) == []

    def test_only_its_owner_can_read_it(self, tmp_path: Path) -> None:
        self.write(tmp_path, {})
        assert stat.S_IMODE((tmp_path / "own/config.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700

    def test_the_plugins_are_still_found(self, tmp_path: Path) -> None:
        self.write(tmp_path, {})
        assert (tmp_path / "own/cli-plugins").is_dir()

    @pytest.mark.parametrize("text", ["no json", "[]", '{"auths": []}', '{"auths": {"x": 5}}', DEEP])
    def test_a_secret_that_is_no_docker_config_is_named_and_not_quoted(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "pull").write_text(text)
        with pytest.raises(BoatyardError) as caught:
            self.write(tmp_path, {}, "pull")
        assert "pull" in caught.value.detail
        assert text not in caught.value.detail

    def test_projects_do_not_share_what_buildkit_keeps_of_their_files(self, tmp_path: Path) -> None:
        ids = []
        for number, (project, domain) in enumerate([("a", "bc"), ("ab", "c"), ("a", "bc")]):
            folder = tmp_path / str(number)
            folder.mkdir()
            job = jobs.make(project=project, domain=domain)
            made = write_docker_config(folder / "own", folder, job, SecretFiles(None, job))
            ids.append((Path(made["BUILDX_CONFIG"]) / ".buildNodeID").read_text())
        assert ids[0] == ids[2] != ids[1]
