"""Shared parts of steps that run uv: its cache, its options, and the mounts of a layer's files."""

import posixpath
from typing import Final

from boatyard.dockerfile.credentials import refuse_credentials
from boatyard.dockerfile.quoting import mount_source, shell_word, shell_words
from boatyard.dockerfile.run import RunMounts, bind, cache
from boatyard.errors import invalid
from boatyard.spec import PipOptions, Secret

WORK: Final = "/tmp/boatyard"  # noqa: S108 - a mount point inside the build, gone when the step ends
VENV: Final = "${VIRTUAL_ENV-/opt/venv}"
INSTALL: Final = 'uv pip install --python "$UV_PYTHON"'

_LINKED: Final = """\
import glob, json, sys, urllib.parse, urllib.request
for name in sorted(glob.glob(sys.argv[1] + "/lib/python3*/site-packages/*.dist-info/direct_url.json")):
    found = json.load(open(name))
    path = urllib.request.url2pathname(urllib.parse.urlsplit(found.get("url", "")).path)
    if found.get("dir_info", {}).get("editable") and path.startswith(sys.argv[2]):
        print(path)
"""
"""Prints the folders below a path that distributions are linked to."""


def uv_cache(site: RunMounts) -> str:
    # uv's cache allows concurrent writers; flyte's builder locks it, so that builds wait for each other.
    return cache(site, "uv", "/root/.cache/uv")


def variables(secrets: tuple[Secret, ...]) -> frozenset[str]:
    """Names that a URL may refer to, as flyte documents: `git+https://$GITHUB_PAT@github.com/…`."""
    return frozenset(secret.environment_name for secret in secrets) - {""}


def index_arguments(options: PipOptions, secrets: tuple[Secret, ...]) -> list[str]:
    expand = variables(secrets)
    for text in (options.index_url, *options.extra_index_urls):
        refuse_credentials(text, expand, field="options")
    words: list[str] = []
    if options.index_url:
        words += ["--index-url", shell_word(options.index_url, expand)]
    for url in options.extra_index_urls:
        words += ["--extra-index-url", shell_word(url, expand)]
    return words


def pip_arguments(options: PipOptions, secrets: tuple[Secret, ...]) -> list[str]:
    expand = variables(secrets)
    refuse_credentials(options.extra_args, expand, field="options")
    words = index_arguments(options, secrets)
    if options.pre:
        words.append("--pre")
    return words + shell_words(options.extra_args, expand, field="options.extraArgs")


class Folder:
    """A folder of the context, mounted with everything below it.

    `place` is a path derived from the layer's content. uv caches builds of a folder by the folder's path and the time
    of its pyproject.toml. With a fixed path, it would install what another project, or an earlier version of the same
    project, had built there.
    """

    def __init__(self, source: str, place: str, *, field: str) -> None:
        self.source = mount_source(source, field=field)
        self.place = place

    @property
    def mount(self) -> str:
        """The mount. It is writable: build backends write beside the sources, uv writes its lock. Nothing stays."""
        return bind(self.source, self.place, writable=True)

    def has(self, path: str) -> bool:
        return self.source == "." or path == self.source or path.startswith(f"{self.source}/")

    def inside(self, path: str, *, field: str) -> str:
        """The path in the step of a context path. Raises INVALID_SPEC if it is not below the folder."""
        if not self.has(path):
            raise invalid(f"{path!r} is not below sourceDir, {self.source!r}", field=field)
        return posixpath.normpath(posixpath.join(self.place, posixpath.relpath(path, self.source)))


def installed_links(place: str) -> list[str]:
    """Lines of a script that replace links to folders below `place` by installed copies.

    Poetry links the project and `develop = true` dependencies, `uv pip` links `editable = true` in [tool.uv.sources].
    The folder disappears when the step ends.
    """
    return [
        f'links=$("{VENV}/bin/python" -c {shell_word(_LINKED)} "{VENV}" {place})',
        '[ -z "$links" ] || printf "%s\\n" "$links" | while IFS= read -r folder; do',
        f'uv pip install --python "{VENV}" --no-deps --reinstall -- "$folder"',
        "done",
    ]
