"""Orders, and what the deployment adds to them before a key is computed."""

from typing import TYPE_CHECKING

import msgspec

from boatyard import base_images
from boatyard.context import Context
from boatyard.key import Ground
from boatyard.ports import Scope
from boatyard.pulls import Pulls, pulls
from boatyard.realm import UNKNOWN, Realm
from boatyard.settings import Settings
from boatyard.spec import ImageSpec
from boatyard.target import Target

if TYPE_CHECKING:
    from boatyard.dockerfile.users import UsersDockerfile


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A user's request for an image."""

    spec: ImageSpec
    scope: Scope
    target: Target = Target()
    context: Context | None = None
    tags: tuple[str, ...] = ()
    """Further references for the image; not part of its key."""
    registry_secret: str = ""
    absent_secrets: tuple[str, ...] = ()
    """Those of `optional_secrets` that the project and domain lack."""
    force: bool = False


def optional_secrets(spec: ImageSpec, settings: Settings) -> tuple[str, ...]:
    """Secrets that a Dockerfile uses if they exist, and is built without otherwise. Raises like `make_plan`."""
    if not spec.dockerfile or "mount" not in spec.dockerfile.lower():
        return ()
    return read_dockerfile(spec, platforms_of(spec, settings)).optional_secrets


def platforms_of(spec: ImageSpec, settings: Settings) -> tuple[str, ...]:
    return spec.platform or tuple(sorted(set(settings.default_platforms)))


def ground_of(
    spec: ImageSpec,
    settings: Settings,
    scope: Scope | None = None,
    *,
    realm: Realm = UNKNOWN,
    registry_secret: str = "",
) -> Ground:
    """The deployment's inputs to a spec's key, for builds of a scope that has all secrets.

    Raises INVALID_SPEC for a base image that is not a reference, and the errors of parsing a Dockerfile.
    """
    pulled = Pulls()
    secrets: tuple[str, ...] = ()
    if spec.dockerfile:
        given = read_dockerfile(spec, platforms_of(spec, settings))
        pulled, secrets = pulls(given, settings), secrets_of(spec, given, ())
    order = Order(spec=spec, scope=scope or Scope("", ""), registry_secret=registry_secret)
    return ground_for(order, settings, realm, pulled, secrets)


def ground_for(order: Order, settings: Settings, realm: Realm, pulled: Pulls, secrets: tuple[str, ...]) -> Ground:
    spec, scope = order.spec, order.scope
    return Ground(
        base_image=str(base_images.effective(spec.base_image, settings.base_images)) if spec.base_image else "",
        replaced=tuple(pulled.replaced.items()),
        secrets=secrets,
        platforms=platforms_of(spec, settings),
        uv_image=settings.uv.image,
        output=settings.output,
        secrets_of=(scope.project, scope.domain) if scope.project else (),
        registry_secret=order.registry_secret,
        realm=realm.key,
    )


def read_dockerfile(spec: ImageSpec, platforms: tuple[str, ...]) -> "UsersDockerfile":
    from boatyard.dockerfile.users import read  # most requests have no Dockerfile, and need no parser

    return read(spec, platforms)


def secrets_of(spec: ImageSpec, given: "UsersDockerfile | None", absent: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the build secrets that the image needs, without absent ones."""
    if given is None:
        return tuple(dict.fromkeys(s.name for layer in spec.layers for s in getattr(layer, "secret_mounts", ())))
    return given.required_secrets + tuple(name for name in given.optional_secrets if name not in absent)
