"""Requests for the in-memory service."""

from pathlib import Path

from boatyard.api.messages import OrderRequest
from boatyard.spec import SpecDocument
from boatyard_client.packing import Contents, Packer


def order(text: str = "FROM scratch", contents: Contents | None = None, *, force: bool = False) -> OrderRequest:
    return OrderRequest(spec=SpecDocument(dockerfile=text), context=contents.context if contents else None, force=force)


def pack(folder: Path, **files: bytes) -> Contents:
    source = folder / "source"
    source.mkdir(exist_ok=True)
    for name, data in files.items():
        (source / name).write_bytes(data)
    packer = Packer()
    packer.add_build_context(source)
    return packer.read(["."])
