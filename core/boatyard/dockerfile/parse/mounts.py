"""Parses the value of RUN's `--mount` flag: CSV with fields such as `key=value`."""

import csv

import msgspec

from boatyard.dockerfile.parse.refusal import unreadable

_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


class Mount(msgspec.Struct, frozen=True):
    """The fields as written and in order; keys are lower-case, and the value is None without `=`."""

    fields: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, value: str, *, line: int) -> "Mount":
        """Raises INVALID_DOCKERFILE for invalid CSV."""
        try:
            rows = list(csv.reader([value], strict=True)) or [[]]
        except csv.Error as error:
            raise unreadable(line, f"--mount={value} cannot be read: {error}") from None
        fields = []
        for field in rows[0]:
            key, equals, text = field.partition("=")
            fields.append((key.lower(), text if equals else None))
        return cls(tuple(fields))

    def get(self, name: str) -> str | None:
        """The last value of a field, by its canonical name; None without one."""
        return next((value for key, value in reversed(self.fields) if _ALIASES.get(key, key) == name), None)

    def has(self, name: str) -> bool:
        return any(_ALIASES.get(key, key) == name for key, _ in self.fields)

    def without(self, *names: str) -> "Mount":
        return Mount(tuple((key, value) for key, value in self.fields if _ALIASES.get(key, key) not in names))

    @property
    def type(self) -> str:
        return (self.get("type") or "bind").lower()

    def __str__(self) -> str:
        return ",".join(_quoted(key if value is None else f"{key}={value}") for key, value in self.fields)


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if any(c in field for c in ',"\n') else field
