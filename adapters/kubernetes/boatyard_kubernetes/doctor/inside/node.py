"""Tests what a pod like the rootless buildkitd may do on its node, by the first steps of rootlesskit, one by one.

unshare(2) of a user and a mount namespace, then a mount in it. The failing step and its errno show what forbids
it: ENOSPC is user.max_user_namespaces, EPERM a seccomp filter, EACCES AppArmor (or SELinux). Ubuntu 24.04's AppArmor
lets the first happen and forbids the second.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

NEW_USER, NEW_NS = 0x10000000, 0x00020000


def read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace").strip().strip("\0")
    except OSError:
        return ""


def number(text: str, otherwise: int = -1) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise


def attempt() -> dict[str, int | None]:
    """errno of unshare and of mount; 0 is success, None is not tried."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        tried: dict[str, int | None] = {"unshare": 0, "mount": None}
        if libc.unshare(NEW_USER | NEW_NS):
            tried["unshare"] = ctypes.get_errno()
        else:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
                try:
                    Path(f"/proc/self/{name}").write_text(text, "ascii")
                except OSError:
                    break
            tried["mount"] = ctypes.get_errno() if libc.mount(b"doctor", b"/", b"tmpfs", 0, None) else 0
        os.write(writer, json.dumps(tried).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    # A filter may kill instead of refusing: then there is no result, which counts as not permitted.
    return json.loads(said) if said else {"unshare": 1, "mount": None}


def main(order: dict[str, str]) -> None:
    status = dict(line.split(":", 1) for line in read("/proc/self/status").splitlines() if ":" in line)
    seen = {
        "namespaces": number(read("/proc/sys/user/max_user_namespaces")),
        "seccomp": number(status.get("Seccomp", "")),
        "noNewPrivileges": status.get("NoNewPrivs", "").strip() == "1",
        "appArmor": (read("/proc/self/attr/apparmor/current") or read("/proc/self/attr/current"))[:200],
        "appArmorOn": read("/sys/module/apparmor/parameters/enabled") == "Y",
        "appArmorRestricts": read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
        "kernel": os.uname().release[:100],
        **attempt(),
    }
    Path(order["out"]).write_text(json.dumps(seen), "utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
