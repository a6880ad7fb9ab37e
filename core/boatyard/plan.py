"""A request -> a plan: the key, the target and the Dockerfile. Pure: the same input, the same plan."""

from typing import TYPE_CHECKING

import msgspec

from boatyard import base_images, canonical, dockerfile, key, sdk_words
from boatyard import target as targets
from boatyard.build import BuildId
from boatyard.context import Context, check_context
from boatyard.dockerfile.render import cache_namespace
from boatyard.dockerfile.run import Site
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.job import BuildJob, JobContext, JobLayer, JobRealm, JobSecret, labels_for
from boatyard.key import Ground, Keys
from boatyard.mounts import secret_id
from boatyard.policy import allow, allow_pull, allow_repository, check_platforms, check_scope
from boatyard.ports import Scope
from boatyard.pulls import Pulls, pulls
from boatyard.realm import UNKNOWN, Realm
from boatyard.reference import Reference
from boatyard.settings import Network, Settings
from boatyard.spec import ImageSpec
from boatyard.tags import parse_tags

if TYPE_CHECKING:
    from boatyard.dockerfile.users import UsersDockerfile


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for."""

    spec: ImageSpec
    scope: Scope
    target: targets.Target = targets.Target()
    context: Context | None = None
    tags: tuple[str, ...] = ()
    """Further references for the image; not part of its key."""
    registry_secret: str = ""
    absent_secrets: tuple[str, ...] = ()
    """Those of `optional_secrets` that the project and domain have not."""
    force: bool = False


class PlannedLayer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A node of the layer graph. `parents` are the chain keys it stands on; today always one."""

    index: int
    kind: str
    key: str
    parents: tuple[str, ...]
    instruction: str
    sdk_call: str
    first_line: int
    last_line: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    keys: Keys
    target: Reference
    tags: tuple[Reference, ...]
    build_tag: str
    """What builds of this order are called, and locked by: `<build_tag>-<attempt>`.

    It covers the key, and where the image goes and for whom. Two orders of one key for two repositories
    are two builds, and nobody joins a build of a project that may not be his to see.
    """
    platforms: tuple[str, ...]
    dockerfile: str
    build_args: dict[str, str]
    base_image: str
    pulls: Pulls
    """What a user's Dockerfile pulls."""
    dockerfile_encoding: str
    inserted_lines: tuple[int, ...]
    """Lines of `dockerfile` that are not in the user's, counted from 1."""
    layers: tuple[PlannedLayer, ...]
    secrets: tuple[str, ...]
    """Names of the build secrets it needs."""
    realm: Realm


def make_plan(order: Order, settings: Settings, realm: Realm) -> Plan:
    """Raises INVALID_SPEC, UNSUPPORTED or FORBIDDEN. Nothing is read, asked or started.

    `realm` is that of the order's scope (`boatyard.realm.realm_of`); `realm.UNKNOWN` where no deployment's key is
    at hand, for a plan that is only looked at.
    """
    spec = order.spec
    check_scope(order.scope)
    if len(spec.layers) > settings.limits.layers:
        raise invalid(f"{len(spec.layers)} layers are more than the {settings.limits.layers} allowed", field="spec")
    context = check_context(order.context) if order.context else None
    if context and context.size > settings.limits.context_bytes:
        raise _too_large(context, settings)
    _check_files(spec, context)
    platforms = platforms_of(spec, settings)
    check_platforms(settings, platforms)
    given = _read(spec, platforms) if spec.dockerfile else None
    pulled = pulls(given, settings) if given else Pulls()
    secrets = _secrets(spec, given, order.absent_secrets)
    ground = _ground(order, settings, realm, pulled, secrets if given else ())
    base = ground.base_image
    if base:
        allow_pull(settings.access, Reference.parse(base))
    keys = key.compute(spec, ground, context)
    target = targets.reference(order.target, settings.default_repository, keys.tag, layout=settings.repository_layout)
    allow(settings.access, order.scope)
    allow_repository(settings.access, target)
    further = parse_tags(order.tags, settings)
    site = Site(
        certificates=_has_certificates(settings),
        indexes=bool(settings.network.index_url or settings.network.extra_index_urls),
        network=_has_network(settings.network) or _has_certificates(settings),
        cache_prefix=realm.cache,
        cache_namespace=realm.namespace,
        secret_prefix=realm.secret,
    )
    if given:
        rendered = _rewritten(spec, given, pulled, site, settings.network, secrets)
    else:
        rendered = dockerfile.render(
            spec,
            identities=tuple(key.layer_identity(layer, context) for layer in spec.layers),
            base=base,
            image_id=str(target),
            uv_by_architecture=bool(settings.uv.directory),
            site=site,
        )
    parents = (keys.base, *keys.layers)
    return Plan(
        keys=keys,
        target=target,
        tags=further,
        build_tag=_build_tag(keys, target, further, order.scope),
        platforms=platforms,
        dockerfile=rendered.text,
        build_args=rendered.build_args,
        base_image=base,
        pulls=pulled,
        dockerfile_encoding=rendered.encoding,
        inserted_lines=rendered.inserted,
        layers=tuple(
            PlannedLayer(
                index=made.index,
                kind=made.kind,
                key=keys.layers[made.index],
                parents=(parents[made.index],),
                instruction=made.instruction,
                sdk_call=sdk_words.call(spec.layers[made.index]),
                first_line=made.first,
                last_line=made.last,
            )
            for made in rendered.layers
        ),
        secrets=secrets,
        realm=realm,
    )


def optional_secrets(spec: ImageSpec, settings: Settings) -> tuple[str, ...]:
    """Secrets that a Dockerfile is given if they are there, and is built without if not. Raises as `make_plan`."""
    if not spec.dockerfile or "mount" not in spec.dockerfile.lower():
        return ()
    return _read(spec, platforms_of(spec, settings)).optional_secrets


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
    """What the deployment adds to a spec's key, for builds of a scope that has all secrets.

    Raises INVALID_SPEC for a base image that is no reference, and what reading a Dockerfile raises.
    """
    pulled = Pulls()
    secrets: tuple[str, ...] = ()
    if spec.dockerfile:
        given = _read(spec, platforms_of(spec, settings))
        pulled, secrets = pulls(given, settings), _secrets(spec, given, ())
    order = Order(spec=spec, scope=scope or Scope("", ""), registry_secret=registry_secret)
    return _ground(order, settings, realm, pulled, secrets)


def _ground(order: Order, settings: Settings, realm: Realm, pulled: Pulls, secrets: tuple[str, ...]) -> Ground:
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


def make_job(order: Order, plan: Plan, settings: Settings, *, attempt: int, context_url: str) -> BuildJob:
    """The plan's job. `context_url` is where the job fetches the archive; empty without a context."""
    return BuildJob(
        id=str(BuildId(plan.build_tag, attempt)),
        key=plan.keys.image,
        attempt=attempt,
        project=order.scope.project,
        domain=order.scope.domain,
        target=str(plan.target),
        tags=tuple(map(str, plan.tags)),
        platforms=plan.platforms,
        force=order.force,
        dockerfile=plan.dockerfile,
        build_args=plan.build_args,
        labels=labels_for(plan.keys.image, plan.build_tag),
        base_images=(plan.base_image,) if plan.base_image else (),
        contexts=plan.pulls.contexts,
        dockerfile_encoding=plan.dockerfile_encoding,
        inserted_lines=plan.inserted_lines,
        target_stage=order.spec.target_stage,
        proven_images=_proven_images(order.spec, plan) if settings.isolation == "project" else (),
        layers=tuple(
            JobLayer(
                index=layer.index,
                kind=layer.kind,
                sdk_call=layer.sdk_call,
                key=layer.key,
                first_line=layer.first_line,
                last_line=layer.last_line,
            )
            for layer in plan.layers
        ),
        context=JobContext(context=order.context, url=context_url) if order.context else None,
        secrets=tuple(JobSecret(id=secret_id(plan.realm.secret, name), name=name) for name in plan.secrets),
        registry_secrets=(order.registry_secret,) if order.registry_secret else (),
        realm=JobRealm(steps=plan.realm.steps, files=plan.realm.files),
        output=settings.output,
        network=settings.network,
        uv=settings.uv,
        cache_repository=settings.cache.repository,
        cache_mode=settings.cache.mode,
        registry_mirrors=settings.registry_mirrors,
        insecure_registries=settings.insecure_registries,
        timeout_seconds=settings.limits.build_timeout_seconds,
        log_tail_lines=settings.limits.log_tail_lines,
        disk_bytes=settings.limits.disk_bytes,
        unpacked_bytes=settings.limits.unpacked_bytes,
        context_entries=settings.limits.context_entries,
    )


def _proven_images(spec: ImageSpec, plan: Plan) -> tuple[str, ...]:
    """Images that the user names by digest. BuildKit gives one that it has to whoever knows the digest, and asks no
    registry (seen with 0.13, by any resolve mode). What the deployment's rules name is for everybody."""
    named = {spec.base_image: plan.base_image} if spec.base_image else plan.pulls.images
    pairs = ((Reference.parse(written), Reference.parse(effective)) for written, effective in named.items())
    own = (effective for written, effective in pairs if written == effective and effective.digest)
    return tuple(dict.fromkeys(map(str, own)))


def _read(spec: ImageSpec, platforms: tuple[str, ...]) -> "UsersDockerfile":
    from boatyard.dockerfile.users import read  # most requests have no Dockerfile, and need no parser

    return read(spec, platforms)


def _secrets(spec: ImageSpec, given: "UsersDockerfile | None", absent: tuple[str, ...]) -> tuple[str, ...]:
    if given is None:
        return tuple(dict.fromkeys(s.name for layer in spec.layers for s in getattr(layer, "secret_mounts", ())))
    return given.required_secrets + tuple(name for name in given.optional_secrets if name not in absent)


def _rewritten(
    spec: ImageSpec,
    given: "UsersDockerfile",
    pulled: Pulls,
    site: Site,
    network: Network,
    secrets: tuple[str, ...],
) -> dockerfile.Rendered:
    from boatyard.dockerfile.proxies import proxy_arguments
    from boatyard.dockerfile.rewrite import rewrite

    made = rewrite(given, site, images=pulled.in_text, frontend=pulled.frontend, secrets=secrets)
    build_args = proxy_arguments(given, network) | spec.build_args | cache_namespace(site)
    if pulled.frontend is not None and build_args.pop("BUILDKIT_SYNTAX", "") and pulled.frontend:
        build_args["BUILDKIT_SYNTAX"] = pulled.frontend
    return dockerfile.Rendered(made.text, (), build_args, made.encoding, made.inserted)


def _check_files(spec: ImageSpec, context: Context | None) -> None:
    """What a layer reads must be named: by its tree, or by the archive that it is in."""
    if context is not None and context.sha256:
        return
    for index, layer in enumerate(spec.layers):
        for path in key.paths_of(layer):
            if context is None or path not in context.trees:
                lacks = "has no context" if context is None else "names neither its tree nor an archive"
                raise invalid(
                    f"layer {index} needs {path!r}, but the request {lacks}",
                    field=f"spec.layers[{index}]",
                    layer_index=index,
                )
    if spec.dockerfile and context is not None and "." not in context.trees:
        raise invalid("the context names neither an archive nor the tree of '.'", field="context")


def _has_certificates(settings: Settings) -> bool:
    """A cluster's jobs may have the bundle of a ConfigMap, which becomes that of their network."""
    return bool(settings.network.ca_bundle or settings.kubernetes.ca_config_map)


def _has_network(network: Network) -> bool:
    return network != Network(mode=network.mode)


def _build_tag(keys: Keys, target: Reference, tags: tuple[Reference, ...], scope: Scope) -> str:
    further = (tuple(map(str, tags)),) if tags else ()
    return canonical.digest(("build", keys.image, str(target), scope.project, scope.domain, *further))[: key.TAG_LENGTH]


def _too_large(context: Context, settings: Settings) -> BoatyardError:
    return BoatyardError(
        Code.CONTEXT_TOO_LARGE,
        f"the context has {context.size:,} bytes; at most {settings.limits.context_bytes:,} are allowed",
        field="context.size",
    )
