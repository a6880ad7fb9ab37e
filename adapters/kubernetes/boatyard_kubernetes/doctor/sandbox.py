"""Explains what forbids a pod like the rootless buildkitd what it needs on its node.

moby/buildkit docs/rootless.md: user namespaces, mounts in them (seccomp and AppArmor Unconfined), and setuid
newuidmap (privilege escalation).
"""

import errno
import os
from typing import Final

from boatyard.finding import Finding, fail, ok, warn
from boatyard_kubernetes.doctor.seen import NodeSeen

CHECKS: Final = ("user namespaces", "seccomp", "apparmor", "privilege escalation")
_NODES: Final = "choose nodes of another image with kubernetes.nodeSelector"
_UNCONFINED: Final = ("", "unconfined")


def judge(seen: NodeSeen) -> list[Finding]:
    """One finding per check, in the order of CHECKS."""
    return [_namespaces(seen), _seccomp(seen), _app_armor(seen), _escalation(seen)]


def _namespaces(seen: NodeSeen) -> Finding:
    check = CHECKS[0]
    if seen.namespaces == 0 or seen.unshare == errno.ENOSPC:
        return fail(
            check,
            f"user.max_user_namespaces is {max(seen.namespaces, 0)} on the node",
            f"Raise it (Bottlerocket: settings.kernel.sysctl), or {_NODES}. EKS Auto Mode does not let it be raised.",
        )
    if seen.unshare in (errno.ENOSYS, errno.EINVAL):
        return fail(check, "the node's kernel has no user namespaces", f"{_NODES[0].upper()}{_NODES[1:]}.")
    if seen.unshare or seen.mount:
        what = "a mount in one" if seen.mount else "making one"
        error = os.strerror(seen.mount or seen.unshare).lower()
        return fail(check, f"{what} is refused: {error} (kernel {seen.kernel})", _who(seen))
    limit = f"user.max_user_namespaces {seen.namespaces}, " if seen.namespaces > 0 else ""
    return ok(check, f"made and mounted in ({limit}kernel {seen.kernel})")


def _who(seen: NodeSeen) -> str:
    if _by_seccomp(seen):
        return "Follow the advice on seccomp."
    if _by_app_armor(seen):
        return "Follow the advice on AppArmor."
    return f"Check whether SELinux or another security module of the node forbids it; else {_NODES}."


def _by_seccomp(seen: NodeSeen) -> bool:
    """Whether seccomp refused: the runtimes' profiles answer EPERM."""
    return seen.seccomp == 2 and errno.EPERM in (seen.unshare, seen.mount)


def _by_app_armor(seen: NodeSeen) -> bool:
    refused = errno.EACCES in (seen.unshare, seen.mount) or (
        errno.EPERM in (seen.unshare, seen.mount) and not _by_seccomp(seen)
    )
    return refused and (seen.app_armor_restricts or _confined(seen))


def _confined(seen: NodeSeen) -> bool:
    # With SELinux the name is a label such as system_u:system_r:container_t:s0.
    return seen.app_armor not in _UNCONFINED and ":" not in seen.app_armor


def _seccomp(seen: NodeSeen) -> Finding:
    check = CHECKS[1]
    if seen.seccomp != 2:
        return ok(check, "no filter")
    if _by_seccomp(seen):
        return fail(
            check,
            "a filter is on, although Unconfined was requested, and refuses what BuildKit needs",
            "Look for a mutating webhook or policy that sets seccompProfile, and for the kubelet's runtime class.",
        )
    return warn(
        check,
        "a filter is on, although Unconfined was requested",
        "Look for a mutating webhook or policy that sets seccompProfile: RUN steps may fail.",
    )


def _app_armor(seen: NodeSeen) -> Finding:
    check = CHECKS[2]
    if _by_app_armor(seen):
        if seen.app_armor_restricts and not _confined(seen):
            return fail(
                check,
                "AppArmor keeps user namespaces from unprivileged programs (Ubuntu 23.10 and newer)",
                "Set kernel.apparmor_restrict_unprivileged_userns=0 on the nodes of builds.",
            )
        return fail(
            check,
            f"the profile {seen.app_armor} is on, although Unconfined was requested, and refuses what BuildKit needs",
            "Look for a mutating webhook or policy that sets appArmorProfile.",
        )
    if _confined(seen):
        return warn(
            check,
            f"the profile {seen.app_armor} is on, although Unconfined was requested",
            "Look for a mutating webhook or policy that sets appArmorProfile: RUN steps may fail.",
        )
    return ok(check, "unconfined" if seen.app_armor_on or seen.app_armor == "unconfined" else "the node has none")


def _escalation(seen: NodeSeen) -> Finding:
    check = CHECKS[3]
    if seen.no_new_privileges:
        return fail(
            check,
            "setuid programs are without effect, so newuidmap is",
            "Look for a mutating webhook or policy that sets allowPrivilegeEscalation: false.",
        )
    return ok(check, "setuid programs work")
