"""Build secrets in real builds: a private index, a file, a variable; none leaves a trace."""

import subprocess
from pathlib import Path

import flyte
import pytest

from tests.flyte.conftest import PASSWORD, Ensure
from tests.flyte.images import named
from tests.flyte.probe import Docker

pytestmark = pytest.mark.integration

FILE = "the content of a mounted file"


def test_secrets_reach_the_step_and_nothing_else(
    ensure: Ensure, docker: Docker, packages: str, server_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where flyte's own builder looks: GROUP_KEY in capitals.
    monkeypatch.setenv("INDEX_PASSWORD", PASSWORD)
    monkeypatch.setenv("TOKEN-FILE", FILE)
    monkeypatch.setenv("PULL-SECRET", '{"auths": {"registry.example.com": {"auth": "dTpw"}}}')
    host = packages.removeprefix("http://")
    password = flyte.Secret(key="password", group="index")
    image = (
        named("t-secrets")
        .clone(registry_secret="pull-secret", extendable=True)
        .with_pip_packages(
            "by-gamma",
            index_url=f"http://user:$INDEX_PASSWORD@{host}/private/simple",
            secret_mounts=[password],
        )
        .with_commands(
            [
                'printf %s "$INDEX_PASSWORD" | wc -c > /length',
                "sha256sum < /etc/flyte/secrets > /digest",
            ],
            secret_mounts=[
                flyte.Secret(key="password", group="index", as_env_var="INDEX_PASSWORD"),
                flyte.Secret(key="token-file", mount=Path("/etc/flyte/secrets")),
            ],
        )
    )
    reference = ensure(image)
    inside = docker.look(reference, imports=("by_gamma:VERSION",), texts=("/length", "/digest", "/etc/flyte/secrets"))
    assert inside.imports == {"by_gamma:VERSION": "3.0"}
    digest = subprocess.run(["sha256sum"], input=FILE, capture_output=True, text=True, check=True).stdout
    assert inside.texts == {"/length": f"{len(PASSWORD)}\n", "/digest": digest, "/etc/flyte/secrets": None}
    assert not {name for name, value in inside.env.items() if PASSWORD in value or FILE in value}
    history = docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", reference)
    search = ("run", "--rm", "--network", "host", "--entrypoint", "sh", reference, "-c")
    found = docker.run(
        *search, f"grep -rlF '{PASSWORD[:6]}''{PASSWORD[6:]}' / --exclude-dir=proc --exclude-dir=sys || true"
    )
    assert PASSWORD not in history
    assert found == ""
    kept = [path for path in server_state.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert {path.parent.name for path in kept} <= {"development"}, "outside of the secret store"
    assert any(path.name == "index_password" for path in kept)


def test_a_secret_that_is_nowhere_is_named_before_anything_starts(ensure: Ensure) -> None:
    image = named("t-none").with_commands(["true"], secret_mounts=[flyte.Secret(key="absent", group="no")])
    with pytest.raises(flyte.errors.ImageBuildError, match=r"SECRET_NOT_FOUND.*no_absent.*NO_ABSENT.*/etc/secrets"):
        ensure(image)
