"""The function's Role has exactly the permissions that the runner and the secret store use."""

from collections.abc import Iterable

from boatyard.build import State
from boatyard.ports import BuildQuery, Scope, SecretValue
from boatyard.settings import Settings
from boatyard_kubernetes import KubernetesSecretStore
from boatyard_kubernetes.access import cluster_rules, rules
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.rbac import ADMIN
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import FUNCTION, HOME, NAMESPACE, settings, site
from tests.local.jobs import job, tag

Right = tuple[str, str, str, bool]
"""(verb, group, resource, whether on the whole cluster)."""


def granted(chosen: Settings) -> set[Right]:
    made: set[Right] = set()
    for wide, found in ((False, rules()), (True, cluster_rules(chosen))):
        for rule in found:
            made |= {(v, g, r, wide) for v in rule.verbs for g in rule.apiGroups or () for r in rule.resources or ()}
    return made


def used(chosen: Settings) -> set[Right]:
    """The permissions that are used when the runner and the store do everything they can."""
    with site(chosen) as (it, node):
        name = job_name(f"{tag()}-1")
        it.runner.ensure(job(), tag(), force=False)
        it.clock.sleep(10)
        it.runner.status(f"{tag()}-1")  # asks for events: why does it not start?
        node.start(name)
        node.log(name, "a line")
        it.runner.logs(f"{tag()}-1", "")
        it.runner.list(BuildQuery())
        it.runner.cancel(f"{tag()}-1")
        # a Job whose plan is refused for good is taken back
        refused = Refused(422, "Secret is invalid")
        it.cluster.server.fault = lambda method, path: (
            refused if path.endswith("fieldManager=boatyard") and ("/secrets" in path) else None
        )
        try:
            it.runner.ensure(job(2), tag(2), force=False)
        except Exception as error:
            assert "invalid" in str(error)
        it.cluster.server.fault = None
        store = KubernetesSecretStore(it.api, it.settings)
        store.put(Scope("default", "development"), "TOKEN", SecretValue(kind="build", value=b"x"))
        store.missing(Scope("default", "development"), ["TOKEN", "other"])
        store.list(Scope("default", "development"))
        asks = [ask for user, ask in it.cluster.authorizer.used if user != ADMIN]
        assert {user.name for user, _ in it.cluster.authorizer.used if user != ADMIN} == {
            f"system:serviceaccount:{HOME}:{FUNCTION}"
        }
        return {(ask.verb, ask.group, ask.resource, not ask.namespace) for ask in asks}


def test_named_namespaces_need_no_right_on_the_whole_cluster_and_all_rights_are_used() -> None:
    chosen = settings(namespaces=[NAMESPACE])
    assert used(chosen) == granted(chosen)
    assert not any(wide for *_, wide in granted(chosen))


def test_open_namespaces_add_reading_on_the_whole_cluster() -> None:
    chosen = settings()
    asked, given = used(chosen), granted(chosen)
    assert asked <= given
    assert {right for right in given if right[3]} == {right for right in asked if right[3]}


def test_values_of_secrets_cannot_be_read() -> None:
    for chosen in (settings(), settings(createNamespaces=True)):
        verbs = {verb for verb, _, resource, _ in granted(chosen) if resource == "secrets"}
        assert verbs == {"create", "delete", "patch"}


def test_no_wildcards() -> None:
    assert not any("*" in part for right in granted(settings(createNamespaces=True)) for part in right[:3])


def test_requests_carry_the_published_content_types() -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        it.runner.cancel(f"{tag()}-1")
        KubernetesSecretStore(it.api, it.settings).put(
            Scope("default", "development"), "a", SecretValue(kind="build", value=b"x")
        )
        build = it.runner.status(f"{tag()}-1")
        assert build and build.state is State.CANCELLED
        kinds = _kinds(it.cluster.server.requests)
        assert kinds == {
            ("POST", "application/json"),
            ("PATCH", "application/merge-patch+json"),
            ("PATCH", "application/apply-patch+yaml"),
            ("GET", ""),
            ("DELETE", "application/json"),
        }


def _kinds(requests: Iterable[tuple[str, str, str]]) -> set[tuple[str, str]]:
    return {(method, kind) for method, _, kind in requests}
