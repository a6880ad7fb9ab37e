"""The last step of `make run`: builds a flyte script's image, pushes it, and starts it. Then the same with one more
package, which makes only what has changed.

python -m boatyard_local.quickstart
"""

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from rich.console import Console
from rich.markup import escape

from boatyard_local.background import ensure_server
from boatyard_local.engine import Engine, EngineError, ensure
from boatyard_local.image_run import imports
from boatyard_local.serving import ServeError
from boatyard_local.settings import SettingsError
from boatyard_local.state import StateFolder

EXAMPLE: Final = Path("examples/hello.py")
ONE_MORE: Final = "humanize==4.11.0"
"""The package of the second version."""
_PACKAGES: Final = re.compile(r"\.with_pip_packages\(")
_LAST_WORDS_SECONDS: Final = 5.0
_STATE: Final = Path(".boatyard")
_PROJECT_FILE: Final = Path("boatyard.toml")


class QuickstartError(Exception):
    """A step failed. The text is one line with the reason and advice."""


class BuildTime(NamedTuple):
    built: bool
    seconds: float
    """The duration of the build; for a cached image, the duration of the answer."""


class ShownImage(NamedTuple):
    image: str
    end: BuildTime
    seconds: float
    """With the start of the SDK."""


def main() -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        run(console)
    except KeyboardInterrupt:
        console.show_cursor()
        console.print(
            "\n[red]boatyard:[/] interrupted; `make run` goes on from here, and a build under way goes on now"
        )
        return 130
    except (QuickstartError, EngineError, ServeError, SettingsError) as error:
        console.print(f"[red]boatyard:[/] {escape(str(error))}")
        return 1
    return 0


def run(console: Console) -> None:
    root = Path.cwd()
    if not EXAMPLE.is_file():
        raise QuickstartError(f"there is no {EXAMPLE} here; run this in the project's own folder")
    began = time.monotonic()
    console.print("[bold]Engine[/]")
    engine = ensure(_STATE, console=console)
    for line in _about(engine):
        console.print(f"  [dim]·[/] {escape(line)}")
    own = _PROJECT_FILE if _PROJECT_FILE.is_file() else None
    running = ensure_server(_STATE, config=own, beneath=engine.settings)
    url = running.server.url
    console.print(f"  [dim]·[/] Boatyard {running.how}: {url}")

    python = Path(sys.executable).relative_to(root) if Path(sys.executable).is_relative_to(root) else sys.executable
    console.print(f"\n[bold]Build[/]  [dim]FLYTE_IMAGE_BUILDER=boatyard {python} {EXAMPLE}[/]")
    made = [_make(url, EXAMPLE)]
    if second := with_one_more():
        console.print(f'\n[bold]Again[/]  [dim]with one more package: .with_pip_packages("{ONE_MORE}", …)[/]')
        made.append(_make(url, second))

    console.print(f"\n[bold]Run[/]    [dim]docker run --rm --network none {_short(made[0].image)} python …[/]")
    with ThreadPoolExecutor(len(made)) as pool:
        for lines in pool.map(lambda each: imports(engine, each.image), made):
            for line in lines:
                console.print(f"  {escape(line)}")
    console.print()
    _summary(console, made, time.monotonic() - began, engine)


def with_one_more() -> Path | None:
    """A copy of the example whose image has one more package; None if the example installs none."""
    text, changed = _PACKAGES.subn(f'.with_pip_packages("{ONE_MORE}", ', EXAMPLE.read_text(), count=1)
    if not changed:
        return None
    copy = _STATE / "second" / EXAMPLE.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(text)
    return copy


def _make(url: str, script: Path) -> ShownImage:
    asked, since = time.time(), time.monotonic()
    image = _build(url, script)
    took = time.monotonic() - since
    return ShownImage(image, ending(url, StateFolder(_STATE).token.read_text(), image, asked), took)


def _about(engine: Engine) -> list[str]:
    lines = [f"{made.stands_for[0]} was made here: {made.why}" for made in engine.images]
    return [*lines, *engine.notes]


def _build(url: str, script: Path = EXAMPLE) -> str:
    """Runs the script with the unchanged SDK, with its output on the terminal. Returns the image."""
    env = {**os.environ, "FLYTE_IMAGE_BUILDER": "boatyard", "BOATYARD_URL": url}
    env.pop("BOATYARD_TOKEN", None)  # it may belong to another server
    env["BOATYARD_TOKEN_FILE"] = str(StateFolder(_STATE).token.absolute())
    with subprocess.Popen([sys.executable, str(script)], env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            # Ctrl-C reached the script as well; it restores the cursor if it gets the time.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORDS_SECONDS)
            process.kill()
            raise
    if process.returncode != 0:
        raise QuickstartError(f"{script} did not build its image; the lines above say why")
    lines = output.splitlines()
    named = [line.removeprefix("image: ") for line in lines if line.startswith("image: ")]
    if not named or "@sha256:" not in named[-1]:
        raise QuickstartError(f"{script} did not print its image as its last line")
    return named[-1].strip()


def ending(url: str, token: str, image: str, since: float) -> BuildTime:
    """Asks the API, by plain HTTP: the client is a separate distribution. `since`: when the image was requested, in
    seconds since 1970."""
    began = time.monotonic()
    found = _get(f"{url}/v1/images/{quote(image, safe='/:@')}", token)
    answered = time.monotonic() - began
    build_id = found.get("buildId")
    build = _get(f"{url}/v1/builds/{build_id}", token) if build_id else {}
    if "finishedAt" in build and build["createdAt"] >= since:
        return BuildTime(True, build["finishedAt"] - build["createdAt"])
    return BuildTime(False, answered)


def _get(url: str, token: str) -> dict[str, Any]:
    request = Request(url, headers={"authorization": f"Bearer {token}"})  # noqa: S310 - our own loopback URL
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found
    except (URLError, OSError, ValueError):
        return {}


def _summary(console: Console, made: list[ShownImage], whole: float, engine: Engine) -> None:
    for each in made:
        console.print(f"[green]✓[/] {escape(each.image)}")
        more = "" if each is made[0] else "one more package: "
        console.print(f"  {more}{_how(each.end)} [dim]({each.seconds:.1f} s with the start of the SDK)[/]")
    for line in (
        f"  [dim]{whole:.1f} s in all[/]",
        f"  [dim]runs on:[/] the server and {_engine(engine)}; [bold]make clean[/] stops and removes them",
        f"  [dim]go on:[/] [bold]make run[/] again, .venv/bin/boatyard builds, or change {EXAMPLE}",
    ):
        console.print(line)


def _how(end: BuildTime) -> str:
    if end.built:
        return f"built in {end.seconds:.1f} s"
    return f"cached: no build, the registry answers in {end.seconds:.2f} s"


def _engine(engine: Engine) -> str:
    if engine.kind == "unpacked":
        return "BuildKit and a registry, all below .boatyard/"
    return "the containers of BuildKit and a registry"


def _short(image: str) -> str:
    name, _, digest = image.partition("@sha256:")
    return f"{name}@sha256:{digest[:12]}…"


if __name__ == "__main__":
    sys.exit(main())
