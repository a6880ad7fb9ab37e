"""Finds the packages whose versions differ between two locks."""

import msgspec

from boatyard.lock.model import Lock


class VersionChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    name: str
    before: str | None = None
    """None for a package that was added."""
    after: str | None = None
    platforms: tuple[str, ...] = ()
    """The platforms with this change; empty for all that both locks have."""

    @property
    def text(self) -> str:
        where = f" ({', '.join(self.platforms)})" if self.platforms else ""
        if self.before is None:
            return f"{self.name} {self.after} is new{where}"
        if self.after is None:
            return f"{self.name} {self.before} was removed{where}"
        return f"{self.name} {self.before} → {self.after}{where}"


def version_changes(before: Lock, after: Lock) -> tuple[VersionChange, ...]:
    """The changes on platforms that both locks have, by name."""
    old, new = ({each.platform: each.installed for each in lock.platforms} for lock in (before, after))
    common = [platform for platform in old if platform in new]
    found: dict[tuple[str, str | None, str | None], list[str]] = {}
    for platform in common:
        was, now = old[platform], new[platform]
        for name in was.keys() | now.keys():
            first = was[name].version if name in was else None
            second = now[name].version if name in now else None
            if first != second:
                found.setdefault((name, first, second), []).append(platform)
    return tuple(
        VersionChange(name=name, before=first, after=second, platforms=() if where == common else tuple(where))
        for (name, first, second), where in sorted(found.items(), key=lambda item: (item[0][0], item[1]))
    )
