"""Lowers a whole Dockerfile, with its folder as the context."""

from pathlib import Path

from boatyard.dockerfile.parse import spec_text
from boatyard.errors import invalid
from boatyard.spec import ImageSpec
from boatyard_flyte.lowering.sources import existing


def dockerfile(path: Path, platform: tuple[str, ...]) -> ImageSpec:
    call = f"from_dockerfile({path.name!r})"
    try:
        text, encoding = spec_text(existing(path, call).read_bytes())
    except OSError as error:
        raise invalid(f"{call}: {error}") from None
    if not text.strip():
        raise invalid(f"{call}: the file is empty")
    return ImageSpec(dockerfile=text, dockerfile_encoding=encoding, platform=platform)
