"""Finds the numbers of an image's users and groups, as BuildKit does for --chown."""

from collections.abc import Iterator

from boatyard_layers.errors import NotExact


def owner_ids(owner: str, passwd: bytes, group: bytes) -> tuple[int, int]:
    """uid and gid of `user`, `user:group`, or root if `owner` is empty. Raises NotExact for an unknown name."""
    if not owner:
        return 0, 0
    user, _, named = owner.partition(":")
    if user.isdigit() or named.isdigit():
        raise NotExact(f"the owner {owner!r} is a number")
    uid, gid = _user(user, passwd)
    return (uid, _group(named, group)) if named else (uid, gid)


def _user(name: str, passwd: bytes) -> tuple[int, int]:
    for fields in _rows(passwd):
        if fields[0] == name and len(fields) > 3 and fields[2].isdigit() and fields[3].isdigit():
            return int(fields[2]), int(fields[3])
    raise NotExact(f"the image has no user {name!r}")


def _group(name: str, group: bytes) -> int:
    for fields in _rows(group):
        if fields[0] == name and len(fields) > 2 and fields[2].isdigit():
            return int(fields[2])
    raise NotExact(f"the image has no group {name!r}")


def _rows(data: bytes) -> Iterator[list[str]]:
    for line in data.decode("utf-8", "replace").splitlines():
        yield line.strip().split(":")
