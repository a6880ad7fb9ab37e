"""Reads the Debian release and its package sources from the machine's configuration."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Release(NamedTuple):
    """Fields of os-release(5)."""

    distribution: str
    codename: str


class AptSource(NamedTuple):
    """One suite of one archive, as in sources.list(5)."""

    uri: str
    suite: str
    components: tuple[str, ...]
    keyring: str

    def line(self, suite: str | None = None) -> str:
        return f"deb [signed-by={self.keyring}] {self.uri} {suite or self.suite} {' '.join(self.components)}"


def release(os_release: str) -> Release:
    """Parses /etc/os-release. Ignores unknown fields; missing ones are empty."""
    values = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return Release(values.get("ID", "").strip("\"'"), values.get("VERSION_CODENAME", "").strip("\"'"))


def this_release(root: Path = Path("/")) -> Release:
    try:
        return release((root / "etc/os-release").read_text())
    except OSError:
        return Release("", "")


def this_sources(codename: str, root: Path = Path("/")) -> list[AptSource]:
    """The machine's own Debian archive with updates and security fixes, without third-party archives."""
    etc = root / "etc/apt"
    found: list[AptSource] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError):
            continue
        if path.suffix == ".sources":
            found.extend(deb822(text))
        elif path.suffix == ".list":
            found.extend(one_line(text))
    return [resolved for source in found if (resolved := _own(source, codename, root)) is not None]


def deb822(text: str) -> Iterator[AptSource]:
    """Parses the .sources format: paragraphs of `Field: value`, with indented continuation lines."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in paragraph.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                fields[last] = f"{fields.get(last, '')}\n{line.strip()}"
            else:
                name, _, value = line.partition(":")
                last = name.strip().lower()
                fields[last] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield AptSource(uri, suite, tuple(fields.get("components", "").split()), fields.get("signed-by", ""))


def one_line(text: str) -> Iterator[AptSource]:
    """Parses the .list format: `deb [option=value …] uri suite component …`."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<rest>[^#]+)", line)
        if not found:
            continue
        words = found["rest"].split()
        options = dict(word.split("=", 1) for word in (found["options"] or "").split() if "=" in word)
        if len(words) > 2:
            yield AptSource(words[0], words[1], tuple(words[2:]), options.get("signed-by", ""))


def _own(source: AptSource, codename: str, root: Path) -> AptSource | None:
    suites = (codename, f"{codename}-updates", f"{codename}-security")
    uri = _plain(source.uri, root)
    if source.suite not in suites or "main" not in source.components or not uri:
        return None
    # A key may also be embedded in the file; then Debian's own keyring is used instead.
    keyring = source.keyring if source.keyring.startswith("/") and "\n" not in source.keyring else _KEYRING
    return AptSource(uri, source.suite, ("main",), keyring)


def _plain(uri: str, root: Path) -> str:
    """The plain URL. Cloud images use `mirror+file:`, which debootstrap cannot read."""
    if uri.startswith("mirror+file:"):
        path = root / uri.removeprefix("mirror+file:").lstrip("/")
        try:
            lines: Iterable[str] = path.read_text().splitlines()
        except OSError:
            return ""
        uri = next((line.split()[0] for line in lines if line.strip() and not line.startswith("#")), "")
    return uri.rstrip("/") if uri.startswith(("http://", "https://", "file:")) else ""


def archive(sources: Iterable[AptSource], codename: str) -> AptSource | None:
    """The source of the release, whose archive also serves other releases."""
    return next((source for source in sources if source.suite == codename), None)
