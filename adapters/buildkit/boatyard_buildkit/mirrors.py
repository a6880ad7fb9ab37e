"""Base images from a mirror: the Dockerfile stays as it is, its names lead elsewhere."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository

_FROM: Final = re.compile(r"(?im)^\s*FROM\s+(?:--platform=\S+\s+)?([^\s$]+)\s*(?:AS\s+\S+\s*)?$")


def named_contexts(images: Iterable[str], mirrors: Mapping[str, str]) -> dict[str, str]:
    """BuildKit's named contexts that replace each image of a mirrored host by the mirror's copy."""
    contexts: dict[str, str] = {}
    for image in images:
        try:
            reference = Reference.parse(image)
        except BoatyardError:
            continue  # the name of a stage, or `scratch` spelt oddly: BuildKit will say
        mirror = mirrors.get(reference.repository.host)
        if mirror:
            copy = Reference(
                Repository.parse(f"{mirror.rstrip('/')}/{reference.repository.path}"), reference.tag, reference.digest
            )
            contexts[familiar(reference)] = f"docker-image://{copy}"
    return contexts


def replacements(images: Mapping[str, str]) -> dict[str, str]:
    """Named contexts for what the deployment's rules put in the place of images after FROM."""
    return {familiar(Reference.parse(image)): f"docker-image://{other}" for image, other in images.items()}


def images_of(dockerfile: str) -> list[str]:
    """What stands after FROM in a Dockerfile that a user wrote, where no variable is in it."""
    return [image for image in _FROM.findall(dockerfile) if image.lower() != "scratch"]


def familiar(reference: Reference) -> str:
    """The name under which BuildKit looks a named context up: short for Docker Hub, `latest` left out."""
    repository = reference.repository
    name = str(repository)
    if repository.host == "docker.io":
        name = repository.path.removeprefix("library/")
    tag = f":{reference.tag}" if reference.tag and (reference.tag != "latest" or reference.digest) else ""
    return f"{name}{tag}" + (f"@{reference.digest}" if reference.digest else "")
