"""Runs uv with an environment of its own."""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from boatyard_layers.errors import NotExact
from boatyard_layers.sandbox.programs import running
from boatyard_layers.wheels.stage import REFUSAL, UNKNOWN, StageFolder

_SECONDS: Final = 1_200
_LONGEST: Final = 64 * 1024**2
PASSED: Final = frozenset(
    {
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "UV_INDEX_URL",
        "UV_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_INDEX_STRATEGY",
        "UV_INSECURE_HOST",
        "UV_NATIVE_TLS",
        "UV_SYSTEM_CERTS",
        "UV_PRERELEASE",
        "UV_RESOLUTION",
        "UV_EXCLUDE_NEWER",
        "UV_HTTP_TIMEOUT",
        "UV_HTTP_RETRIES",
    }
)
"""Variables of a step that uv may see: how it reaches an index, and what it takes from there."""
_CREDENTIAL: Final = re.compile(r"UV_INDEX_[A-Z0-9_]+_(?:USERNAME|PASSWORD)\Z")
_IMPLIED: Final = frozenset({"UV_COMPILE_BYTECODE", "UV_LINK_MODE", "UV_PYTHON", "UV_CACHE_DIR"})
"""Variables of the image that this package obeys by itself."""


class UvOutput(msgspec.Struct, frozen=True):
    stdout: str
    stderr: str


class UvTool(msgspec.Struct, frozen=True, kw_only=True):
    program: Path
    cache: Path
    variables: dict[str, str]
    """For uv alone: proxies, indexes, the layer's own."""
    platform: str = ""
    """For `--python-platform`, if the image is for another one than the interpreter."""
    check: Callable[[], None] = lambda: None
    """Called while it runs; raises if the job should end."""

    @staticmethod
    def environment(given: Mapping[str, str]) -> dict[str, str]:
        """What uv may see of a step's variables. Raises NotExact for those that could change what it does."""
        passed = {name: value for name, value in given.items() if name in PASSED or _CREDENTIAL.match(name)}
        for name in given:
            if name.startswith("UV_") and name not in _IMPLIED and name not in passed:
                raise NotExact(f"the step has the variable {name}")
        return passed

    def run(
        self, stage: StageFolder, command: Sequence[str], arguments: Sequence[str], *, project: Path | None = None
    ) -> UvOutput:
        """Runs uv in the folder of a `project` with its settings, or else without any.

        Raises NotExact if uv fails. Its messages may contain an address with credentials, so they are not passed on;
        the builder reports the same failure with an explanation."""
        platform = ["--python-platform", self.platform] if self.platform and command != ("lock",) else []
        config = [] if project else ["--no-config"]
        common = ["--python", str(stage.python), *config, "--color", "never", "--no-progress", *platform]
        home = stage.folder.parent / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "HOME": str(home),
            "PATH": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            "SOURCE_DATE_EPOCH": "315532800",
            "UV_CACHE_DIR": str(self.cache),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_KEYRING_PROVIDER": "disabled",
            "UV_LINK_MODE": "hardlink",
            **self.variables,
        }
        if project:
            environment |= {"VIRTUAL_ENV": str(stage.folder), "XDG_CONFIG_DIRS": str(home)}
        return self.start([*command, *common, *arguments], environment, project or home)

    def start(self, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> UvOutput:
        """Runs uv with these variables alone. Raises like `run`."""
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            try:
                with running(
                    [str(self.program), *words], environment=environment, folder=folder, stdout=stdout, stderr=stderr
                ) as program:
                    code = program.wait(_SECONDS, self.check)
            except OSError as error:
                raise NotExact(f"uv did not run to its end: {type(error).__name__}") from None
            ended = UvOutput(_text(stdout), _text(stderr))
        if code:
            if UNKNOWN in ended.stderr:
                raise NotExact("this version of uv asks the interpreter what no answer is known to")
            if REFUSAL in ended.stderr or "no-build" in ended.stderr or "building source" in ended.stderr.lower():
                raise NotExact("a distribution has to be built from source")
            raise NotExact(f"uv ended with the code {code}")
        return ended


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    data = output.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise NotExact(f"uv wrote more than {_LONGEST:,} bytes")
    return data.decode(errors="replace")
