"""Checks the buildkitd of builds: its address, the client's certificate, and a connection from a pod."""

import ssl
import time
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Secret

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, fail, ok, unknown, warn
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.seen import Reached
from boatyard_kubernetes.refusals import Absent, Exists, NamespaceMissing
from boatyard_kubernetes.topology import PORT, SERVICE, Topology, choose, client_secret, host

_CHECK: Final = "buildkitd"
_SOON: Final = 30 * 86_400
"""Seconds before the expiry of a certificate at which the doctor reports it."""
_RENEW: Final = (
    "Apply the Terraform module again, or what `python -m boatyard_kubernetes certificates …` prints: all of it, so "
    "that both sides have the same authority; then restart buildkitd."
)
_WAY: Final = {
    "name": "Check the address; for the managed buildkitd, also that its StatefulSet and Service exist.",
    "timeout": "Let builds' pods reach it: network policies, security groups, firewalls.",
    "connect": "See that it runs and listens there: `kubectl get pods`, and its log.",
    "files": _RENEW,
    "server": _RENEW,
    "client": _RENEW,
    "tls": "See that it is buildkitd and that it was given --tlscacert, --tlscert and --tlskey; for plain TCP leave "
    "kubernetes.clientCertificateSecret out.",
    "closed": "If it requires a certificate, set kubernetes.clientCertificateSecret to the Secret that has one.",
    "protocol": "See that the port is buildkitd's.",
}
_WORDS: Final = {
    "name": "its name is not known",
    "timeout": "it does not answer",
    "connect": "no connection",
    "files": "the client's certificate cannot be used",
    "server": "its certificate is not trusted",
    "client": "it does not take the client's certificate",
    "tls": "TLS fails",
    "closed": "it hangs up",
    "protocol": "something else answers",
}


class Daemons(NamedTuple):
    addresses: tuple[tuple[str, int], ...]
    """Host and port of each replica."""
    tls: bool


def find_daemons(cluster: Cluster, settings: Settings, namespace: str) -> Daemons | Finding | None:
    """The addresses; None if builds have their own buildkitd, or none; a finding if the settings cannot work."""
    topology = choose(settings)
    if topology in (Topology.DAEMONLESS, Topology.NONE):
        return None
    if topology is Topology.MANAGED:
        kubernetes = settings.kubernetes
        addresses = tuple((host(n, kubernetes.buildkit_namespace), PORT) for n in range(max(kubernetes.replicas, 1)))
    elif not settings.buildkit_uri:
        return unknown(_CHECK, "a Docker engine is used, which is not looked at from here")
    else:
        try:
            uri = urlsplit(settings.buildkit_uri)
            address = (uri.hostname or "", uri.port or 0)
        except ValueError:
            address = ("", 0)
        if uri.scheme != "tcp" or not all(address):
            detail = f"buildkitUri {settings.buildkit_uri} is not an address that a pod can reach"
            return fail(_CHECK, detail, "Give it as tcp://host:port.")
        addresses = (address,)
    secret = client_secret(settings)
    if secret and (problem := _missing(cluster, secret, namespace)):
        return problem
    return Daemons(addresses, bool(secret))


def _missing(cluster: Cluster, name: str, namespace: str) -> Finding | None:
    """Checks for a Secret by creating it in a dry run, which needs no right to read it."""
    try:
        made = Secret(metadata=ObjectMeta(name=name, namespace=namespace), type="Opaque")
        cluster.create(made, namespace, dry_run=True)
    except Exists:
        return None
    except BoatyardError:
        return None  # unknown: the probe's pod will wait for it
    return fail(
        _CHECK,
        f"{namespace} has no Secret {name}, which holds the certificate for it",
        "Apply the Terraform module, or what `python -m boatyard_kubernetes certificates …` prints.",
    )


def judge(daemons: Daemons, reached: Sequence[Reached], *, now: float | None = None) -> Finding:
    named = list(zip((f"{name}:{port}" for name, port in daemons.addresses), reached, strict=False))
    bad = [(address, one) for address, one in named if one.stage]
    if bad:
        address, one = bad[0]
        others = f" ({len(bad)} of {len(named)} like this)" if len(named) > 1 else ""
        return fail(_CHECK, f"{address}: {_WORDS.get(one.stage, one.stage)}: {one.error}{others}", _WAY[one.stage])
    text = f"{', '.join(address for address, _ in named)}: {'answers with mutual TLS' if daemons.tls else 'answers'}"
    left = min((_left(one.expires, now) for _, one in named if one.expires), default=None)
    if left is not None and left < _SOON:
        return warn(_CHECK, f"{text}; its certificate ends in {max(int(left // 86_400), 0)} days", _RENEW)
    return ok(_CHECK, text)


def _left(expires: str, now: float | None) -> float:
    try:
        return ssl.cert_time_to_seconds(expires) - (time.time() if now is None else now)
    except ValueError:
        return _SOON


def is_deployed(cluster: Cluster, settings: Settings, topology: Topology) -> bool | None:
    """Whether what the topology needs is there, whatever the settings ask for. None if that cannot be known: the caller
    may not look, or nobody has named a buildkitd."""
    match topology:
        case Topology.DAEMONLESS | Topology.NONE:
            return True
        case Topology.EXTERNAL:
            return True if choose(settings) is Topology.EXTERNAL else None
    try:
        cluster.get(StatefulSet, SERVICE, settings.kubernetes.buildkit_namespace)
    except Absent:
        return False
    except BoatyardError as error:
        return False if isinstance(error, NamespaceMissing) else None
    return True
