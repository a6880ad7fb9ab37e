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
        if reference.repository.host in mirrors:
            contexts[familiar(reference)] = f"docker-image://{_copy(reference, mirrors)}"
    return contexts


def replacements(images: Mapping[str, str], mirrors: Mapping[str, str]) -> dict[str, str]:
    """Named contexts for what the deployment's rules put in the place of images after FROM, from its mirrors too."""
    return {
        familiar(Reference.parse(image)): f"docker-image://{_copy(Reference.parse(other), mirrors)}"
        for image, other in images.items()
    }


def images_of(dockerfile: str) -> list[str]:
    """What stands after FROM in a Dockerfile that a user wrote, where no variable is in it."""
    return [image for image in _FROM.findall(dockerfile) if image.lower() != "scratch"]


def _copy(reference: Reference, mirrors: Mapping[str, str]) -> Reference:
    """The same image where a mirror has it; itself without one."""
    mirror = mirrors.get(reference.repository.host)
    if not mirror:
        return reference
    repository = Repository.parse(f"{mirror.rstrip('/')}/{reference.repository.path}")
    return Reference(repository, reference.tag, reference.digest)


def familiar(reference: Reference) -> str:
    """The name under which BuildKit looks a named context up: short for Docker Hub, `latest` left out."""
    repository = reference.repository
    name = str(repository)
    if repository.host == "docker.io":
        name = repository.path.removeprefix("library/")
    tag = f":{reference.tag}" if reference.tag and (reference.tag != "latest" or reference.digest) else ""
    return f"{name}{tag}" + (f"@{reference.digest}" if reference.digest else "")
