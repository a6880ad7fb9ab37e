"""Makes the plan of an order: its key, its target and its Dockerfile. Equal input gives an equal plan."""

from typing import TYPE_CHECKING

import msgspec

from boatyard import canonical, dockerfile, key, sdk_words
from boatyard import target as targets
from boatyard.context import Context, check_context, check_size
from boatyard.dockerfile.render import cache_namespace
from boatyard.dockerfile.run import RunMounts
from boatyard.errors import invalid
from boatyard.key import Keys
from boatyard.order import Order, ground_for, platforms_of, read_dockerfile, secrets_of
from boatyard.platforms import check_platforms
from boatyard.policy import allow, allow_pull, allow_repository, check_scope
from boatyard.ports import Scope
from boatyard.pulls import Pulls, pulls
from boatyard.realm import Realm
from boatyard.reference import Reference
from boatyard.settings import Network, Settings
from boatyard.spec import ImageSpec
from boatyard.tags import parse_tags

if TYPE_CHECKING:
    from boatyard.dockerfile.users import UsersDockerfile


class PlannedLayer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A node of the layer graph. `parents` are the chain keys that it depends on; today always one."""

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
    """The common part of the ids of this order's builds, `<build_tag>-<attempt>`, and the name of their lock.

    It covers the key, the target, and the project and domain. So orders of one key for two repositories are two builds,
    and nobody joins a build of a project that they may not see.
    """
    platforms: tuple[str, ...]
    dockerfile: str
    build_args: dict[str, str]
    base_image: str
    pulls: Pulls
    """The images that a user's Dockerfile pulls."""
    dockerfile_encoding: str
    inserted_lines: tuple[int, ...]
    """Lines that were added to the user's Dockerfile, counted from 1."""
    opening_lines: int
    """Lines of the Dockerfile before the first layer's."""
    layers: tuple[PlannedLayer, ...]
    secrets: tuple[str, ...]
    """Names of the build secrets it needs."""
    realm: Realm


def make_plan(order: Order, settings: Settings, realm: Realm) -> Plan:
    """Makes the plan of an order, without I/O. Raises INVALID_SPEC, UNSUPPORTED or FORBIDDEN.

    `realm` is that of the order's scope (`boatyard.realm.realm_of`), or `realm.UNKNOWN` without a deployment key, for a
    plan that is only displayed.
    """
    spec = order.spec
    check_scope(order.scope)
    if len(spec.layers) > settings.limits.layers:
        raise invalid(f"{len(spec.layers)} layers are more than the {settings.limits.layers} allowed", field="spec")
    context = check_context(order.context) if order.context else None
    if context:
        check_size(context, settings.limits.context_bytes)
    _check_files(spec, context)
    platforms = platforms_of(spec, settings)
    check_platforms(spec, platforms, settings)
    given = read_dockerfile(spec, platforms) if spec.dockerfile else None
    pulled = pulls(given, settings) if given else Pulls()
    secrets = secrets_of(spec, given, order.absent_secrets)
    ground = ground_for(order, settings, realm, pulled, secrets if given else ())
    base = ground.base_image
    if base:
        allow_pull(settings.access, Reference.parse(base))
    keys = key.compute(spec, ground, context)
    target = targets.reference(order.target, settings.default_repository, keys.tag, layout=settings.repository_layout)
    allow(settings.access, order.scope)
    allow_repository(settings.access, target)
    further = parse_tags(order.tags, settings)
    site = RunMounts(
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
        opening_lines=rendered.opening,
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


def _rewritten(
    spec: ImageSpec,
    given: "UsersDockerfile",
    pulled: Pulls,
    site: RunMounts,
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
    """Checks that the context has a tree or an archive for every path that a layer reads."""
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
    """Whether builds have a CA bundle: the network's, or in a cluster a ConfigMap's."""
    return bool(settings.network.ca_bundle or settings.kubernetes.ca_config_map)


def _has_network(network: Network) -> bool:
    return network != Network(mode=network.mode)


def _build_tag(keys: Keys, target: Reference, tags: tuple[Reference, ...], scope: Scope) -> str:
    further = (tuple(map(str, tags)),) if tags else ()
    return canonical.digest(("build", keys.image, str(target), scope.project, scope.domain, *further))[: key.TAG_LENGTH]
