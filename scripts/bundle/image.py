"""Builds and pushes the image of builds' jobs: scripts/bundle/image.py aws --repository REPOSITORY.

--engine builds the image for a cloud's build service instead, which contains a Docker engine.

Uses the installed Docker, for amd64 and arm64. Skips an image that is already pushed. The last line of output is
`repository:tag@digest`; Terraform reads the tag from the bundle's document, and accepts the whole line as
image_builder.kubernetes.builderImage for another repository. Other options are passed to `docker buildx build`.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contents import ROOT, clouds, contents
from image_tag import BUILDKIT, DOCKERFILE, image_tag

PLATFORMS: Final = "linux/amd64,linux/arm64"
_REPOSITORY: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_CA_VARIABLES: Final = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def main() -> int:
    options, more = _options()
    if shutil.which(options.docker) is None:
        return _fail(f"there is no {options.docker} command: install Docker with buildx, or name it with --docker")
    if subprocess.run([options.docker, "buildx", "version"], capture_output=True, check=False).returncode:
        return _fail(f"{options.docker} has no buildx plugin: install docker-buildx")
    if options.engine and contents(options.cloud).job.engine is None:
        return _fail(f"no build service of {options.cloud} runs an image that has to bring an engine")
    image = f"{options.repository}:{options.tag or image_tag(ROOT, options.cloud, engine=options.engine)}"
    digest = None if options.force else _pushed(options.docker, image)
    if digest:
        print(f"{image} is pushed already; --force builds it on the base that there is now", file=sys.stderr)
    else:
        with tempfile.TemporaryDirectory(prefix="boatyard-image-") as scratch:
            digest = _build(options, image, Path(scratch), more)
    if digest is None:
        return _fail("docker buildx did not build and push it; its own words are above")
    print(json.dumps({"image": image, "digest": digest}) if options.json else f"{image}@{digest}")
    return 0


def _build(options: argparse.Namespace, image: str, scratch: Path, more: list[str]) -> str | None:
    """The digest; None if buildx failed, which has printed the reason."""
    metadata = scratch / "metadata.json"
    done = subprocess.run(
        [
            *(options.docker, "buildx", "build", "--push", f"--tag={image}", f"--platform={options.platform}"),
            *(f"--file={ROOT / DOCKERFILE}", f"--metadata-file={metadata}"),
            f"--target={'step' if options.engine else 'job'}",
            *(f"--build-arg={name}={value}" for name, value in _arguments(options.cloud).items()),
            *_secrets(options.ca, scratch),
            *more,
            str(ROOT),
        ],
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        return None
    found: str = json.loads(metadata.read_text())["containerimage.digest"]
    return found


def _arguments(cloud: str) -> dict[str, str]:
    """The Dockerfile's arguments, none of which has a default."""
    chosen = contents(cloud)
    return {
        "BUILDKIT": BUILDKIT,
        "CLOUD": cloud,
        "ENGINE": chosen.job.engine.image if chosen.job.engine else "scratch",
        "DISTRIBUTIONS": " ".join(f"./{folder.relative_to(ROOT)}" for folder in chosen.job_distributions),
        "KEPT": " ".join(chosen.job.kept()),
    }


def _secrets(ca: Path | None, scratch: Path) -> Iterator[str]:
    """A company's own CA and index, from pip's configuration on this machine. An index's URL may contain a password."""
    if ca:
        yield f"--secret=id=ca,src={ca}"
    index = os.environ.get("PIP_INDEX_URL") or _configured("global.index-url")
    if index.startswith(("http://", "https://")):
        path = scratch / "pip.conf"
        path.touch(mode=0o600)
        path.write_text(f"[global]\nindex-url = {index}\n")
        yield f"--secret=id=pip,src={path}"


def _configured(name: str) -> str:
    command = [sys.executable, "-m", "pip", "config", "get", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _pushed(docker: str, image: str) -> str | None:
    command = [docker, "buildx", "imagetools", "inspect", image, "--format", "{{json .Manifest}}"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(asked.stdout)["digest"] if asked.returncode == 0 else None
    except (ValueError, KeyError):
        return None
    return found if isinstance(found, str) else None


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="builder-image",
        description="Builds and pushes the image that a cluster's jobs run.",
        epilog="Other options, such as --network=host or --builder=NAME, go to `docker buildx build`.",
        allow_abbrev=False,
    )
    parser.add_argument("cloud", choices=clouds(), help="whose credentials and secrets a job finds by itself")
    parser.add_argument("--repository", required=True, type=_repository, help="where it is pushed: registry/repository")
    parser.add_argument("--engine", action="store_true", help="the image for a build service, with a Docker engine")
    parser.add_argument("--tag", type=_tag, help="default: made of all that goes into it")
    parser.add_argument("--platform", default=PLATFORMS, help=f"default {PLATFORMS}; none of them needs emulation")
    parser.add_argument("--ca", type=_file, default=_ca(), help="PEM bundle that pip trusts while it builds")
    parser.add_argument("--docker", default="docker", help="the docker command")
    parser.add_argument("--force", action="store_true", help="build it even if it is pushed already")
    parser.add_argument("--json", action="store_true", help="print one object: image, digest")
    return parser.parse_known_args()


def _ca() -> Path | None:
    named = next((value for name in _CA_VARIABLES if (value := os.environ.get(name))), "")
    return Path(named) if named and Path(named).is_file() else None


def _repository(text: str) -> str:
    if not _REPOSITORY.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no registry/repository; it has no scheme, tag or digest")
    return text


def _tag(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no tag of an image")
    return text


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)


def _fail(reason: str) -> int:
    print(f"builder-image: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
