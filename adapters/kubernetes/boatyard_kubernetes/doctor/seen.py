"""The results of the programs of `inside`."""

from typing import Final

import msgspec

from boatyard.decoding import decoder


class _Seen(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class NodeSeen(_Seen, frozen=True, kw_only=True):
    namespaces: int
    """user.max_user_namespaces; -1 if the file does not exist."""
    seccomp: int
    """0 none, 1 strict, 2 filtered (proc_pid_status(5))."""
    no_new_privileges: bool
    """Whether setuid programs, such as newuidmap, have no effect."""
    app_armor: str
    """The security module's profile; a label with SELinux."""
    app_armor_on: bool
    app_armor_restricts: bool
    """Ubuntu's kernel.apparmor_restrict_unprivileged_userns."""
    kernel: str
    unshare: int
    """errno; 0 is success."""
    mount: int | None
    """errno of a mount in the new namespace; None if there was none."""


class IdentitySeen(_Seen, frozen=True, kw_only=True):
    kind: str
    """irsa, pod-identity, federated or metadata; empty if the pod has none."""
    role: str = ""
    problem: str = ""
    """Why its token cannot be read, or its agent does not answer."""
    agent: str = ""
    """Why the agent on the node gives no credentials; empty if it does, or was not used."""


class Reached(_Seen, frozen=True, kw_only=True):
    stage: str
    """The failed stage: name, timeout, connect, files, server, tls, client, closed, protocol; empty at its end."""
    error: str
    expires: str = ""
    """The expiry of the server's certificate, as `ssl.cert_time_to_seconds` reads it."""


class PlaceSeen(_Seen, frozen=True, kw_only=True):
    missing: tuple[str, ...]
    """Modules and programs that a job needs and the image lacks."""
    python: str
    identity: IdentitySeen | None
    buildkitd: tuple[Reached, ...]
    """Results in the order of the requested addresses."""
    confines: bool | None = None
    """Whether a job can confine a base's Python, by Landlock and seccomp; None if the image says nothing about it."""


NODE: Final = decoder(NodeSeen)
PLACE: Final = decoder(PlaceSeen)
