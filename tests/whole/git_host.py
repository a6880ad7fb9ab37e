"""A git host on loopback with one private repository: over HTTP with a token, over ssh with a deploy key."""

import asyncio
import base64
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncssh
import msgspec


class GitHost(msgspec.Struct, frozen=True):
    http: str
    """`host:port`; the repository is /lib.git, for user `ci` and the token."""
    ssh: str
    """`host:port`; any user with the key."""
    private_key: str
    """In OpenSSH's format."""


def make_repository(folder: Path, name: str) -> None:
    """A bare repository with one package, also for git's plain HTTP protocol, which needs only files."""
    source = folder / "source"
    (source / "src" / name).mkdir(parents=True)
    (source / "src" / name / "__init__.py").write_text("WHO = 'private'\n")
    (source / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1"\n\n[build-system]\nrequires = ["uv_build>=0.8"]\n'
        'build-backend = "uv_build"\n'
    )
    as_somebody = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        [*as_somebody, "commit", "-q", "-m", "x"],
        ["clone", "-q", "--bare", ".", str(folder / "served" / "lib.git")],
    ):
        subprocess.run(["git", *command], cwd=source, check=True)
    subprocess.run(["git", "update-server-info"], cwd=folder / "served" / "lib.git", check=True)


@contextmanager
def git_host(folder: Path, *, name: str, token: str) -> Iterator[GitHost]:
    (folder / "served").mkdir(parents=True)
    make_repository(folder, name)
    with _http(folder / "served", token) as http, _ssh(folder / "served") as (ssh, key):
        yield GitHost(http, ssh, key)


@contextmanager
def _http(served: Path, token: str) -> Iterator[str]:
    wanted = "Basic " + base64.b64encode(f"ci:{token}".encode()).decode()

    class Handler(SimpleHTTPRequestHandler):
        def send_head(self) -> object:  # type: ignore[override]
            if self.headers.get("authorization") == wanted:
                return super().send_head()
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="git"')
            self.send_header("content-length", "0")
            self.end_headers()
            return None

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _ssh(served: Path) -> Iterator[tuple[str, str]]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def serve(process: "asyncssh.SSHServerProcess[bytes]") -> None:
        words = shlex.split(process.command or "")
        if words != ["git-upload-pack", "/lib.git"]:
            process.exit(1)
            return
        git = await asyncio.create_subprocess_exec(
            *("git", "upload-pack", str(served / "lib.git")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await process.redirect(stdin=git.stdin, stdout=git.stdout)
        process.exit(await git.wait())

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=asyncssh.import_authorized_keys(key.export_public_key().decode()),
            process_factory=serve,
            encoding=None,
        )

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield f"127.0.0.1:{acceptor.get_port()}", key.export_private_key().decode()
    finally:
        acceptor.close()
        loop.call_soon_threadsafe(loop.stop)
