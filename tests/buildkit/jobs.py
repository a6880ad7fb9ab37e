"""Jobs for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from boatyard.context import Context
from boatyard.job import BuildJob
from boatyard.order import Order
from boatyard.plan import make_plan
from boatyard.planned_job import make_job
from boatyard.ports import Scope
from boatyard.realm import realm_of
from boatyard.reference import Reference
from boatyard.settings import Network, Settings, Uv
from boatyard.spec import parse_spec
from boatyard.target import Target
from tests.buildkit.archives import Link, announce, pack

__all__ = ["Reference", "announce", "make", "with_network"]

SETTINGS = Settings(
    default_repository="registry.example/images",
    uv=Uv(directory="/site/uv"),
    insecure_registries=("127.0.0.1:5000",),
)
KEY = "ab" * 32
DEPLOYMENT_KEY = b"0123456789abcdef0123456789abcdef"


def make(
    layers: list[dict[str, Any]] | None = None,
    *,
    settings: Settings = SETTINGS,
    base: str = "base.example/python:3.11",
    dockerfile: str = "",
    registry: str = "",
    platform: tuple[str, ...] = (),
    files: Mapping[str, bytes | Link] | None = None,
    folder: Path | None = None,
    context_needed: bool = False,
    project: str = "project",
    **changes: Any,
) -> BuildJob:
    """Makes the job of a spec, with fields replaced by `changes`.

    Its context has `files`, and is an archive in `folder`. `context_needed` is for tests that unpack none: the keys of
    the layers then know no file.
    """
    document: dict[str, Any] = {"dockerfile": dockerfile, "platform": list(platform)}
    if not dockerfile:
        document |= {"dockerfile": "", "baseImage": base, "pythonVersion": "3.11", "layers": layers or []}
    context, url = Context(sha256="0" * 64, size=1) if context_needed else None, ""
    if files is not None:
        assert folder is not None
        archive, context = pack(files)
        path = folder / "context.tar.gz"
        path.write_bytes(archive)
        url = path.as_uri()
    order = Order(
        spec=parse_spec(document), scope=Scope(project, "domain"), target=Target(registry=registry), context=context
    )
    plan = make_plan(order, settings, realm_of(order.scope, settings.isolation, DEPLOYMENT_KEY))
    job = make_job(order, plan, settings, attempt=1, context_url=url)
    return msgspec.structs.replace(job, **changes)


def with_network(job: BuildJob, **network: Any) -> BuildJob:
    return msgspec.structs.replace(job, network=Network(**network))
