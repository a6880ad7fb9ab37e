"""Makes the job of a plan, the complete input of the dataplane."""

from boatyard.build import BuildId
from boatyard.job import BuildJob, JobContext, JobLayer, JobRealm, JobSecret, labels_for
from boatyard.job_steps import job_steps
from boatyard.mounts import secret_id
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.policy import trusts_base
from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard.spec import ImageSpec


def make_job(
    order: Order, plan: Plan, settings: Settings, *, attempt: int, context_url: str, refusal_url: str = ""
) -> BuildJob:
    """The plan's job. `context_url` and `refusal_url` are the URLs of JobContext; both are empty without a context."""
    return BuildJob(
        id=str(BuildId(plan.build_tag, attempt)),
        key=plan.keys.image,
        attempt=attempt,
        project=order.scope.project,
        domain=order.scope.domain,
        target=str(plan.target),
        tags=tuple(map(str, plan.tags)),
        platforms=plan.platforms,
        runs_on=settings.platforms,
        force=order.force,
        dockerfile=plan.dockerfile,
        build_args=plan.build_args,
        labels=labels_for(plan.keys.image, plan.build_tag),
        base_images=(plan.base_image,) if plan.base_image else (),
        base_trusted=bool(plan.base_image) and trusts_base(settings, Reference.parse(plan.base_image)),
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
        steps=job_steps(order.spec, plan) if settings.layers == "registry" else None,
        context=JobContext(context=order.context, url=context_url, refusal_url=refusal_url) if order.context else None,
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
    """Images that the user names by digest. BuildKit gives a cached one to every build that knows the digest, without
    asking the registry (seen with 0.13, in every resolve mode). Images that the deployment's rules name are for
    everybody."""
    named = {spec.base_image: plan.base_image} if spec.base_image else plan.pulls.images
    pairs = ((Reference.parse(written), Reference.parse(effective)) for written, effective in named.items())
    own = (effective for written, effective in pairs if written == effective and effective.digest)
    return tuple(dict.fromkeys(map(str, own)))
