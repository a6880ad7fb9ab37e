"""Users' Dockerfiles are built as by plain `docker buildx build`, with the deployment's additions."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.messages import SecretRequest
from boatyard.dockerfile.parse import spec_text
from boatyard.reference import Reference
from boatyard_client.errors import ApiError, BuildFailedError
from boatyard_registry import OciRegistry
from tests.buildkit.engine import keychain
from tests.whole.yard import Yard

pytestmark = pytest.mark.integration

SHOW = ["sh", "-c", 'cd /out && for f in *; do echo "== $f"; cat "$f"; done; env | grep -v ^HOSTNAME= | sort']

SHAPES = {
    "arguments": b"""# escape=`
ARG V=3.9
ARG BASE=python:${V}-slim
FROM --platform=$TARGETPLATFORM $BASE AS First
ARG V
ARG WHO=nobody
ARG TARGETARCH
ENV A="${WHO:-x} y" B='$WHO' C=${NO:+no}${WHO:+yes}
RUN mkdir /out && `
    # a comment
    echo "$V $WHO $TARGETARCH $A $B $C" `

    > /out/args
FROM first
run cat /out/args > /out/again
COPY --from=0 /out/args /out/by-number
copy --FROM=FIRST /out/args /out/by-name
""".replace(b"--FROM", b"--from"),
    "heredocs": b"""FROM python:3.11-slim
RUN mkdir /out
RUN <<EOF cat > /out/plain
a $HOME
EOF
RUN <<-'ONE' cat > /out/two && cat <<TWO >> /out/two
\tquoted $HOME
\tONE
second
TWO
COPY <<x <<"y" /out/
$PATH
x
$PATH
y
RUN <<EOF
#!/usr/bin/env python3
open("/out/python", "w").write("from a shebang")
EOF
SHELL ["/usr/bin/env", "python3", "-c"]
RUN open("/out/shell", "w").write("another shell")
SHELL ["/bin/sh", "-c"]
RUN ["sh", "-c", "echo exec > /out/exec"]
""",
    "bytes": b"\xef\xbb\xbf# caf\xe9\r\nFROM python:3.11-slim\r\n"
    b"\x0cRUN mkdir /out \\\r\n && echo '\x1b[31m\xff' > /out/odd\r\n",
}


def base(yard: Yard) -> str:
    rules = {rule.match: rule.image for rule in yard.settings.base_images}
    return rules.get("python:3.11-slim", "docker.io/library/python:3.11-slim")


def plain(yard: Yard, folder: Path, *options: str) -> str:
    """Builds the folder only with Docker, and shows the result."""
    settings = yard.settings
    folder.mkdir(exist_ok=True)
    builder = ("--builder", settings.buildkit.builder) if settings.buildkit.builder else ()
    tag = f"{Reference.parse(base(yard)).repository.host}/plain/{folder.name}:test"
    yard.docker.run(
        *("buildx", "build", *builder, "--network", settings.network.mode, "--provenance=false", "--tag", tag),
        *("--build-context", f"python:3.11-slim=docker-image://{base(yard)}", "--output", "type=docker"),
        *(*options, str(folder)),
    )
    return yard.docker.run("run", "--rm", "--network", "none", tag, *SHOW)


def shown(yard: Yard, image: str) -> str:
    yard.docker.run("pull", "--quiet", image)
    return yard.docker.run("run", "--rm", "--network", "none", image, *SHOW)


def spec(data: bytes | str, **more: Any) -> dict[str, Any]:
    text, encoding = spec_text(data if isinstance(data, bytes) else data.encode())
    return {"dockerfile": text, "dockerfileEncoding": encoding, **more}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_comes_out_as_from_docker(shape: str, boatyard: Yard, tmp_path: Path) -> None:
    data = SHAPES[shape]
    folder = tmp_path / shape
    folder.mkdir()
    (folder / "Dockerfile").write_bytes(data)
    expected = plain(boatyard, folder, "--build-arg", "V=3.11", "--build-arg", "WHO=me")
    image = boatyard.ensure(spec(data, buildArgs={"V": "3.11", "WHO": "me"}))
    assert shown(boatyard, image) == expected and "== " in expected


def test_secrets_of_the_project_reach_their_mounts(boatyard: Yard, tmp_path: Path) -> None:
    text = (
        "FROM python:3.11-slim\nRUN mkdir /out\n"
        "RUN --mount=type=secret,id=DF_TOKEN stat -c '%a %u' /run/secrets/DF_TOKEN > /out/default\n"
        "RUN --mount=type=secret,id=DF_TOKEN,target=/x/y,mode=0440,uid=7,required=true \\\n"
        "  stat -c '%a %u' /x/y > /out/chosen; sha256sum < /x/y >> /out/chosen\n"
    )
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "Dockerfile").write_text(text)
    (tmp_path / "value").write_text("s3cr3t-of-the-project")
    expected = plain(boatyard, folder, "--secret", f"id=DF_TOKEN,src={tmp_path / 'value'}")
    with pytest.raises(ApiError, match="has no secret DF_TOKEN"):
        boatyard.ensure(spec(text), project="df-none")
    secret = SecretRequest(kind="build", value="s3cr3t-of-the-project", project="df-one")
    boatyard.client.put_secret("DF_TOKEN", secret)
    assert shown(boatyard, boatyard.ensure(spec(text), project="df-one")) == expected


def test_a_run_finds_the_companys_network_and_nothing_of_it_stays(boatyard: Yard) -> None:
    text = (
        "# syntax=docker/dockerfile:1\nFROM python:3.11-slim\nRUN useradd -m u && mkdir /out && chown u /out\nUSER u\n"
        'RUN ["python3", "-m", "pip", "install", "--no-cache-dir", "--target", "/out/six", "six==1.16.0"]\n'
        "RUN cat $SSL_CERT_FILE $PIP_CERT > /dev/null\n"
    )
    if boatyard.settings.buildkit.dockerfile_frontend == "image":
        text = text.partition("\n")[2]
    image = boatyard.ensure(spec(text))
    boatyard.docker.run("pull", "--quiet", image)
    look = "ls -d /out/six/six.py; find /run /etc/xdg 2>&1; env"
    left = boatyard.docker.run("run", "--rm", "--network", "none", image, "sh", "-c", look)
    assert "/out/six/six.py" in left and "boatyard" not in left and "pip.conf" not in left and "SSL_CERT" not in left


def test_further_tags_in_two_repositories_first_and_when_the_image_is_there(boatyard: Yard) -> None:
    host = Reference.parse(base(boatyard)).repository.host
    text = "FROM python:3.11-slim\nRUN mkdir /out && echo tags > /out/x\n"
    first = [f"{host}/images/whole:df-v1", f"{host}/other/df:latest"]
    image = boatyard.ensure(spec(text), tags=first)
    again = boatyard.client.ensure_image(boatyard.order(spec(text), tags=[f"{host}/third/df:v2"]))
    registry = OciRegistry(keychain=keychain(boatyard.settings), insecure=boatyard.settings.insecure_registries)
    digest = image.partition("@")[2]
    for tag in (*first, f"{host}/third/df:v2"):
        found = registry.find(Reference.parse(tag), ("linux/amd64",))
        assert found and found.digest == digest, tag
    assert again.image == image and again.build is not None
    assert boatyard.client.ensure_image(boatyard.order(spec(text), tags=first)).answer.cached


class _Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"hello" if self.path == "/there" else b""
        self.send_response(200 if body else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


ZERO = "sha256:" + "0" * 64
FAILURES = {
    "no such file": ("ADD {files}/no /x", "SOURCE_UNUSABLE", "the server answers 404"),
    "checksum": (f"ADD --checksum={ZERO} {{files}}/there /x", "SOURCE_UNUSABLE", "a checksum other than"),
    "no host": ("ADD http://no-host.invalid/x /x", "NETWORK_UNREACHABLE", "no such host"),
    "no git host": ("ADD https://no-host.invalid/x.git /x", "NETWORK_UNREACHABLE", "Could not resolve host"),
    "no repository": ("ADD {files}/x.git#main /x", "SOURCE_UNUSABLE", "not found"),
    "git by ssh": ("ADD git@no-host.invalid:a/b.git /x", "UNSUPPORTED", "ssh"),
    "copy": ("COPY nope.csv /x", "FILE_NOT_FOUND", "'nope.csv' is not among the files"),
    "copy from a stage": ("COPY --from=one /nope.csv /x", "FILE_NOT_FOUND", "'nope.csv' is not in one"),
    "command": ('RUN make || (echo "dockerfile parse error on line 9: x"; exit 2)', "COMMAND_FAILED", "exit code 2"),
    "unknown": ("FOO bar", "INVALID_DOCKERFILE", "unknown instruction: FOO"),
    "no image": ("COPY --from={host}/no/such:1 / /x", "BASE_IMAGE_NOT_FOUND", "no/such:1 does not exist"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_names_the_users_line_and_is_nobodys_else(name: str, boatyard: Yard, files: str) -> None:
    instruction, code, words = FAILURES[name]
    host = Reference.parse(base(boatyard)).repository.host
    # The deployment's own lines come before the one that fails.
    text = (
        f"FROM python:3.11-slim AS one\nRUN true\nFROM python:3.11-slim\n{instruction.format(files=files, host=host)}\n"
    )
    with pytest.raises(BuildFailedError) as failed:
        boatyard.ensure(spec(text))
    error = failed.value.build.error
    assert error is not None
    assert (error.code, error.message.startswith("line 4 of the Dockerfile: ")) == (code, True), error.message
    assert words in error.message


def test_a_stage_and_what_cannot_be_one(boatyard: Yard) -> None:
    text = "FROM python:3.11-slim AS a\nRUN mkdir /out && echo a > /out/a\nFROM a AS b\nRUN false\n"
    assert "== a" in shown(boatyard, boatyard.ensure(spec(text, targetStage="A")))
    with pytest.raises(ApiError, match="no stage 'c'; it has a, b"):
        boatyard.ensure(spec(text, targetStage="c"))
