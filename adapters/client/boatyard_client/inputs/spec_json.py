"""A spec in JSON: the proto3 JSON of `flyteidl2.imagebuilder.ImageSpec`, plus Boatyard's fields.

In a file, a spec may name its lock, `"lock": "pylock.toml"`, relative to the file: `--locked` without the option.
"""

from pathlib import Path

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard.spec import ImageSpec, parse_spec
from boatyard_client.errors import InputError
from boatyard_client.inputs.draft import Draft, InputOptions
from boatyard_client.packing import DockerIgnore, Packer, context_paths


def spec_json(text: str, origin: str, wanted: InputOptions) -> Draft:
    """Parses a spec. The paths in its layers come from the context folder, without those that .dockerignore
    excludes. `origin` is the file's name."""
    try:
        document = decode_json(text.encode("utf-8", "surrogateescape"), object)
    except Undecodable as error:
        raise InputError(f"{origin}: {error}") from None
    if not isinstance(document, dict):
        raise InputError(f"{origin} is not a spec: a spec is a JSON object with baseImage and layers")
    lock = document.pop("lock", "")
    if not isinstance(lock, str):
        raise InputError(f"{origin}: lock is not the name of a pylock.toml")
    try:
        spec = parse_spec(document)
    except BoatyardError as error:
        error.detail = f"{origin}: {error.detail}"
        raise
    draft = Draft(origin=origin, spec=spec, packer=_packer(spec, origin, wanted.context))
    return _with_lock(draft, lock) if lock else draft


def _with_lock(draft: Draft, name: str) -> Draft:
    from boatyard_client.inputs.locking import with_lock
    from boatyard_client.locked import lock_in_file

    return with_lock(draft, lock_in_file(str(Path(draft.origin).parent / name)).lock)


def _packer(spec: ImageSpec, origin: str, context: Path | None) -> Packer:
    packer = Packer()
    paths = () if spec.dockerfile else context_paths(spec)
    if context is None:
        if paths:
            raise InputError(
                f"{origin}: its layers need {paths[0]!r}; name their folder with --context DIR",
                advice="Paths in a spec are relative to the context folder.",
            )
        return packer
    if not context.is_dir():
        raise InputError(f"the context {context} is not a folder")
    ignore = DockerIgnore.of_context(context)
    if spec.dockerfile:
        packer.add_build_context(context, ignore=ignore)
    elif "." in paths:
        packer.add(".", context, ignore=ignore)
    else:
        for path in paths:
            _add(packer, context, path.removesuffix("/"), ignore, origin)
    return packer


def _add(packer: Packer, context: Path, path: str, ignore: DockerIgnore | None, origin: str) -> None:
    source = context / path
    if not source.exists():
        raise InputError(f"{origin}: a layer needs {path!r}, which is not in {context}")
    if ignore is None or not source.is_dir():
        packer.add(path, source)
    else:
        packer.add(path, source, ignore=ignore.below(path))
