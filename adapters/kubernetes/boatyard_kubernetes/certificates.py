"""Makes certificates for mutual TLS between builds and the managed buildkitd, for clusters without cert-manager.

A temporary authority signs the server's and the client's certificate and is not kept, so nobody can sign a third. To
renew, make all of them again. Needs `cryptography` (the extra boatyard-kubernetes[certificates]).
"""

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret

from boatyard.settings import Settings
from boatyard_kubernetes.buildkitd import SERVER_SECRET
from boatyard_kubernetes.names import common_labels
from boatyard_kubernetes.topology import CLIENT_SECRET, SERVICE

_EARLY: Final = timedelta(minutes=5)
"""Tolerance for a node's clock that is slow."""


class _Pair(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def certificate_secrets(settings: Settings, namespaces: Iterable[str], *, days: int = 365) -> list[Secret]:
    """The server's Secret in the buildkitd's namespace, the client's in each namespace of builds."""
    home = settings.kubernetes.buildkit_namespace
    authority = _make("boatyard buildkit authority", None, days)
    # A replica's name is <name>-<n>.<service>.<namespace>.svc: one wildcard covers all replicas.
    hosts = [f"*.{SERVICE}.{home}.svc", f"*.{SERVICE}.{home}.svc.cluster.local", f"{SERVICE}.{home}.svc"]
    server = _make(SERVICE, authority, days, hosts=hosts, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    client = _make("boatyard build", authority, days, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    name = settings.kubernetes.client_certificate_secret or CLIENT_SECRET
    return [
        _secret(SERVER_SECRET, home, authority, server),
        *(_secret(name, namespace, authority, client) for namespace in namespaces),
    ]


def _make(
    name: str,
    issuer: _Pair | None,
    days: int,
    *,
    hosts: Iterable[str] = (),
    usage: x509.ObjectIdentifier | None = None,
) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    if names := [x509.DNSName(host) for host in hosts]:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return _Pair(builder.sign(signer, hashes.SHA256()), key)


def _secret(name: str, namespace: str, authority: _Pair, pair: _Pair) -> Secret:
    pem = serialization.Encoding.PEM
    key = pair.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = {
        "ca.pem": authority.certificate.public_bytes(pem),
        "cert.pem": pair.certificate.public_bytes(pem),
        "key.pem": key,
    }
    return Secret(
        metadata=ObjectMeta(name=name, namespace=namespace, labels=common_labels(SERVICE)),
        type="Opaque",
        data={file: base64.b64encode(data).decode() for file, data in files.items()},
    )
