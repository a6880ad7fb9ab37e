"""A whole Dockerfile, with the folder that it lies in."""

from pathlib import Path

from boatyard.errors import invalid
from boatyard.spec import ImageSpec
from boatyard_flyte.lowering.sources import existing


def dockerfile(path: Path, platform: tuple[str, ...]) -> ImageSpec:
    call = f"from_dockerfile({path.name!r})"
    try:
        text = existing(path, call).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(f"{call}: {error}") from None
    if not text.strip():
        raise invalid(f"{call}: the file is empty")
    return ImageSpec(dockerfile=text, platform=platform)
