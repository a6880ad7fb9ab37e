"""Reads a Dockerfile and its context folder."""

from pathlib import Path

from boatyard.dockerfile.parse import spec_text
from boatyard.errors import BoatyardError
from boatyard.spec import parse_spec
from boatyard_client.errors import InputError
from boatyard_client.inputs.draft import Draft, InputOptions
from boatyard_client.packing import DockerIgnore, Packer


def dockerfile(data: bytes, path: Path, wanted: InputOptions) -> Draft:
    """The context is the Dockerfile's own folder unless `--context` names another, as flyte does it."""
    context = wanted.context or path.parent
    if not context.is_dir():
        raise InputError(f"the context {context} is not a folder")
    try:
        text, encoding = spec_text(data)
        spec = parse_spec({"dockerfile": text, "dockerfileEncoding": encoding})
    except BoatyardError as error:
        error.detail = f"{path}: {error.detail}"
        raise
    packer = Packer()
    packer.add_build_context(context, ignore=DockerIgnore.of_context(context, path))
    return Draft(origin=str(path), spec=spec, packer=packer)
