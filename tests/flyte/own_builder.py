"""Builds an image with flyte's own Docker builder, on the same BuildKit.

The Dockerfile and its context come from flyte's own code. Only what a machine without the public registries requires is
changed: the frontend that `# syntax` names, the images behind FROM (by named contexts), and the company's CA bundle for
RUN (by a secret mount and build arguments, which leave nothing in the image).
"""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

import flyte
from flyte._internal.imagebuild import docker_builder as own
from flyte._internal.imagebuild.utils import get_and_list_dockerignore

from boatyard.settings import Settings
from tests.flyte.probe import Docker

_CA = "/run/test-ca.pem"
_TRUST = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_UV = re.compile(r"ghcr\.io/astral-sh/uv:[0-9.]+")


async def _generate(image: flyte.Image, context: Path) -> str:
    text = own.DOCKER_FILE_UV_BASE_TEMPLATE.substitute(
        BASE_IMAGE=image.base_image, PYTHON_VERSION=f"{image.python_version[0]}.{image.python_version[1]}"
    )
    ignored = get_and_list_dockerignore(image)
    for layer in image._layers:
        text = await own._process_layer(layer, context, text, ignored)
    if own._image_creates_flyte_user(image):
        text += own.DOCKER_FILE_FLYTE_USER_FOOTER
    return text + own.DOCKER_FILE_BASE_FOOTER.substitute(F_IMG_ID=image.uri)


def generate(image: flyte.Image, context: Path) -> str:
    """Generates the Dockerfile as `DockerImageBuilder._build_image` does; a test compares the two."""
    return asyncio.run(_generate(image, context))


_INTO_THE_ENGINE = ("--output", "type=docker,compression=uncompressed")


def build(
    image: flyte.Image,
    docker: Docker,
    settings: Settings,
    name: str,
    *,
    tag: str = "test",
    output: tuple[str, ...] = _INTO_THE_ENGINE,
) -> str:
    """Returns the image's name in the engine. The image is neither pushed nor compressed: tests only inspect its
    contents."""
    reference = f"{settings.default_repository}/flyte-own/{name}:{tag}"
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        context = Path(folder)
        text = generate(image, context)
        arguments = ["buildx", "build", "--network", settings.network.mode, "--provenance=false"]
        for match, replacement in _named(text, image, settings, Path(beside)):
            arguments += ["--build-context", f"{match}={replacement}"]
        text = re.sub(r"\A# syntax=.*\n", "", text)
        if settings.network.ca_bundle:
            text = _trusting(text)
            arguments += ["--secret", f"id=test-ca,src={settings.network.ca_bundle}"]
        dockerfile = context / "Dockerfile"
        dockerfile.write_text(text)
        arguments += ["--tag", reference, "--platform", ",".join(settings.default_platforms)]
        docker.run(*arguments, *output, "-f", str(dockerfile), str(context))
    return reference


def _named(text: str, image: flyte.Image, settings: Settings, folder: Path) -> list[tuple[str, str]]:
    named: list[tuple[str, str]] = []
    uv = _UV.search(text)
    if uv and settings.uv.directory:
        architecture = settings.default_platforms[0].rpartition("/")[2]
        shutil.copy(Path(settings.uv.directory) / f"uv-{architecture}", folder / "uv")
        named.append((uv[0], str(folder)))
    for rule in settings.base_images:
        if rule.match == image.base_image:
            named.append((rule.match, f"docker-image://{rule.image}"))
            break
    return named


def _trusting(text: str) -> str:
    arguments = "".join(f"ARG {name}={_CA}\n" for name in _TRUST)
    text = re.sub(r"^(FROM (?!ghcr).*\n)", rf"\1{arguments}", text, flags=re.MULTILINE)
    return re.sub(r"^RUN ", f"RUN --mount=type=secret,id=test-ca,target={_CA} ", text, flags=re.MULTILINE)
