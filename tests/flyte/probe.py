"""Lists an image's contents with a script inside it, which needs only a Python interpreter of 3.9 or later."""

import json
import subprocess
from typing import Any

import msgspec

from tests.buildkit.containers import printed_by

_SCRIPT = r"""
import hashlib, json, marshal, os, pwd, shutil, stat, subprocess, sys

ask = json.loads(sys.argv[1])
python = shutil.which("python") or shutil.which("python3")

def owner(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

def meaning(path, data):
    # Which of its objects byte code refers to by number depends on what was compiled before in the same process.
    try:
        return data[:16] + marshal.dumps(marshal.loads(data[16:]), 2) if path.endswith(".pyc") else data
    except (EOFError, ValueError, TypeError):
        return data

def entry(path):
    s = os.lstat(path)
    kind = "link" if stat.S_ISLNK(s.st_mode) else "folder" if stat.S_ISDIR(s.st_mode) else "file"
    content = None
    if kind == "link":
        content = os.readlink(path)
    elif kind == "file":
        with open(path, "rb") as f:
            content = hashlib.sha256(meaning(path, f.read())).hexdigest()
    links = s.st_nlink if kind == "file" else 1
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
        more = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}
    except OSError:
        more = {}
    return {
        "kind": kind,
        "mode": oct(stat.S_IMODE(s.st_mode)),
        "owner": owner(s.st_uid),
        "group": s.st_gid,
        "content": content,
        "links": links,
        "attributes": more,
    }

files = {}
def walk(path):
    if path in ask["without"] or not os.path.lexists(path):
        return
    files[path] = entry(path)
    if files[path]["kind"] == "folder":
        for name in os.listdir(path):
            walk(path.rstrip("/") + "/" + name)

def told(code):
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]

def imported(name):
    module, attribute = name.split(":")
    return told(f"import {module} as m; print(m.{attribute})")

def text(path):
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "surrogateescape")

for root in ask["roots"]:
    walk(root)
versions = "{d.metadata['Name']: d.version for d in m.distributions()}"
facts = "sys.prefix, sys.version_info[:2], " + versions
found = json.loads(told("import json, sys, importlib.metadata as m; print(json.dumps([" + facts + "]))"))
print(json.dumps({
    "user": owner(os.getuid()),
    "workdir": os.getcwd(),
    "env": dict(os.environ),
    "python": python,
    "prefix": found[0],
    "version": found[1],
    "distributions": found[2],
    "imports": {name: imported(name) for name in ask["imports"]},
    "files": files,
    "texts": {path: text(path) for path in ask["texts"]},
}))
"""


class Entry(msgspec.Struct, frozen=True):
    kind: str
    mode: str
    owner: str
    group: int
    content: str | None
    links: int
    """Names of the same file."""
    attributes: dict[str, str]


class Inside(msgspec.Struct, frozen=True):
    """`imports` has the value of `module:attribute`, or the error's last line; `texts` the contents of files."""

    user: str
    workdir: str
    env: dict[str, str]
    python: str
    prefix: str
    version: tuple[int, int]
    distributions: dict[str, str]
    imports: dict[str, str]
    files: dict[str, Entry]
    texts: dict[str, str | None]


class Docker:
    """The engine's docker command. `forget` removes the images that were started."""

    def __init__(self, command: tuple[str, ...], env: dict[str, str]) -> None:
        self.command = command
        self.env = env
        self._started: set[str] = set()

    def forget(self) -> None:
        """Removes the images that were started. Nobody waits for it, because it takes 20 s at the end of a run."""
        if self._started:
            subprocess.Popen(
                [*self.command, "image", "rm", "--force", *sorted(self._started)],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*self.command, *arguments], env=self.env, capture_output=True, text=True, input=stdin, check=False
            )

        done = printed_by(run) if arguments[0] == "run" else run()
        assert done.returncode == 0, f"docker {' '.join(arguments[:4])}: {done.stderr[-4000:]}"
        return done.stdout

    def config(self, image: str) -> dict[str, Any]:
        """The image's configuration without unset fields. The engine must have the image."""
        found: dict[str, Any] = json.loads(self.run("image", "inspect", "--format", "{{json .Config}}", image))
        return {name: value for name, value in found.items() if value}

    def look(
        self,
        image: str,
        *,
        roots: tuple[str, ...] = (),
        without: tuple[str, ...] = (),
        imports: tuple[str, ...] = (),
        texts: tuple[str, ...] = (),
        user: str = "",
    ) -> Inside:
        """Starts the image and lists its contents. `user` replaces the image's user, to read files of others."""
        self._started.add(image)
        ask = {"roots": roots, "without": without, "imports": imports, "texts": texts}
        who = ("--user", user) if user else ()
        out = self.run(
            *(
                "run",
                "--rm",
                "--network",
                "host",
                *who,
                "--entrypoint",
                "python3",
                image,
                "-c",
                _SCRIPT,
                json.dumps(ask),
            )
        )
        # What a container gets from its runtime, not from its image.
        data: Any = json.loads(out)
        for name in ("HOSTNAME", "HOME", "PWD", "LC_CTYPE"):
            data["env"].pop(name, None)
        return msgspec.convert(data, Inside, strict=False)
