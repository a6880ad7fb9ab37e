"""What a program of an image cannot do, tried by a real Python in the sandbox of this machine's kernel."""

import json
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import boatyard_layers
from boatyard_layers.sandbox import seccomp
from boatyard_layers.sandbox.enter import FAILED
from boatyard_layers.sandbox.programs import Confined, can_confine, running

HOME = Path(os.path.realpath(sys.executable)).parent.parent
READABLE = (str(HOME), *(path for path in ("/lib", "/lib64", "/usr/lib") if Path(path).is_dir()))
ATTEMPTS = """
import ctypes, json, os, sys
given = json.loads(os.environ["GIVEN"])
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *words):
    found = libc.syscall(ctypes.c_long(number), *words)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
def fork():
    if os.fork() == 0:
        os._exit(0)
def connect(family, address):
    import socket
    with socket.socket(family) as one:
        one.connect(address)
def inherited():
    with open(given["inherited"]) as file:
        return file.read()
done = {}
for name, attempt in {
    "read a file": lambda: open(given["secret"]).read(),
    "read a file by a link": lambda: open(given["link"]).read(),
    "list a folder": lambda: os.listdir(given["folder"]),
    "read the job's variables": lambda: open(f"/proc/{os.getppid()}/environ", "rb").read(),
    "read its own variables in /proc": lambda: open("/proc/self/environ", "rb").read(),
    "read the job's memory": lambda: open(f"/proc/{os.getppid()}/mem", "rb"),
    "leave by /proc": lambda: open("/proc/self/root" + given["secret"]).read(),
    "leave by ..": lambda: open(given["home"] + "/../" * 30 + given["secret"]).read(),
    "a descriptor of the job": lambda: os.read(given["descriptor"], 1),
    "write": lambda: open(given["folder"] + "/new", "w"),
    "write what it can read": lambda: open(given["own"], "r+"),
    "write a device": lambda: open("/dev/null", "w"),
    "make a folder": lambda: os.mkdir(given["folder"] + "/new"),
    "make a link": lambda: os.symlink("/", given["folder"] + "/new"),
    "remove": lambda: os.unlink(given["secret"]),
    "rename": lambda: os.rename(given["secret"], given["secret"] + "2"),
    "change a mode": lambda: os.chmod(given["secret"], 0o777),
    "change a time": lambda: os.utime(given["secret"]),
    "truncate": lambda: os.truncate(given["secret"], 0),
    "connect by TCP": lambda: connect(2, ("127.0.0.1", given["port"])),
    "connect by IPv6": lambda: connect(10, ("::1", given["port"])),
    "connect to a socket file": lambda: connect(1, given["socket"]),
    "connect to an abstract socket": lambda: connect(1, "\\0" + given["abstract"]),
    "netlink": lambda: connect(16, (0, 0)),
    "a pair of sockets": lambda: __import__("socket").socketpair(),
    "signal the job": lambda: os.kill(os.getppid(), 0),
    "signal its group": lambda: os.killpg(0, 0),
    "signal all": lambda: os.kill(-1, 0),
    "fork": fork,
    "run a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "a thread": lambda: __import__("_thread").start_new_thread(print, ()),
    "become a program outside": lambda: os.execv(given["program"], ["x"]),
    "trace the job": lambda: call(given["numbers"]["ptrace"], 16, os.getppid(), 0, 0),
    "a user namespace": lambda: call(given["numbers"]["unshare"], 0x10000000),
    "io_uring": lambda: call(425, 1, ctypes.create_string_buffer(120)),
    "bpf": lambda: call(given["numbers"]["bpf"], 0, None, 0),
    "open by openat2": lambda: call(437, -100, given["own"].encode(), ctypes.create_string_buffer(24), 24),
    "a file in memory": lambda: os.memfd_create("x"),
    "the limits of the job": lambda: __import__("resource").prlimit(os.getppid(), 7, (1, 1)),
    "more of its own limits": lambda: __import__("resource").setrlimit(4, (1000, 1000)),
    "the job's group to signal": lambda: __import__("fcntl").fcntl(1, 8, os.getppid()),
    "a terminal": lambda: __import__("fcntl").ioctl(0, 0x5412, b"x"),
    "change the folder's owner": lambda: os.chown(given["secret"], 1, 1),
    "mount": lambda: call(given["numbers"]["mount"], None, b"/", None, 0, None),
}.items():
    try:
        done[name] = f"done: {attempt()!r}"
    except Exception as error:
        done[name] = ""
done["variables"] = "" if set(os.environ) <= {"GIVEN", "PYTHONHOME", "LC_CTYPE"} else str(sorted(os.environ))
print(json.dumps(done))
"""
NUMBERS = {
    "x86_64": {"ptrace": 101, "unshare": 272, "bpf": 321, "mount": 165},
    "aarch64": {"ptrace": 117, "unshare": 97, "bpf": 280, "mount": 40},
}


@pytest.fixture
def given(tmp_path: Path) -> Iterator[dict[str, Any]]:
    (tmp_path / "secret").write_text("of the registry")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    place = Path(tempfile.mkdtemp(prefix="by-")) / "socket"
    listeners = [
        socket.create_server(("127.0.0.1", 0)),
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX),
    ]
    abstract = f"boatyard-{os.getpid()}"
    listeners[1].bind(str(place))
    listeners[2].bind(f"\0{abstract}")
    for each in listeners:
        each.listen()
    secret = os.open(tmp_path / "secret", os.O_RDONLY)
    os.set_inheritable(secret, True)
    yield {
        "folder": str(tmp_path),
        "secret": str(tmp_path / "secret"),
        "link": str(tmp_path / "link"),
        "home": str(HOME),
        "own": str(HOME / "bin" / "python3"),
        "program": "/bin/true",
        "port": listeners[0].getsockname()[1],
        "socket": str(place),
        "abstract": abstract,
        "descriptor": secret,
        "numbers": NUMBERS[platform.machine()],
    }
    os.close(secret)
    for each in listeners:
        each.close()
    place.unlink()
    place.parent.rmdir()


def ran(script: str, *, seconds: int = 20, readable: tuple[str, ...] = READABLE, **more: Any) -> tuple[int, bytes]:
    settings: dict[str, Any] = {"strict": True, "output": 100_000, "seconds": seconds, "readable": readable, **more}
    environment = {"PYTHONHOME": str(HOME), "GIVEN": settings.pop("given", "")}
    words = [os.path.realpath(sys.executable), "-s", "-S", "-B", "-c", script]
    with tempfile.TemporaryFile() as output:
        confined = Confined(**settings)
        with running(words, environment=environment, folder=HOME, stdout=output, confined=confined) as program:
            code = program.wait(60)
        output.seek(0)
        return code, output.read()


needs_sandbox = pytest.mark.skipif(not can_confine(), reason="this kernel has no Landlock or no seccomp")


@needs_sandbox
def test_a_hostile_program_can_do_none_of_it(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "hunter2")
    before = sorted(path.name for path in Path(given["folder"]).iterdir())
    code, output = ran(ATTEMPTS, given=json.dumps(given))
    assert code == 0
    done = json.loads(output)
    assert {name: outcome for name, outcome in done.items() if outcome} == {}
    assert len(done) > 40
    assert sorted(path.name for path in Path(given["folder"]).iterdir()) == before
    assert Path(given["secret"]).read_text() == "of the registry"


@needs_sandbox
def test_without_landlock_a_trusted_program_still_writes_and_connects_nowhere(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The whole file system is readable, as it is for a process that Landlock does not restrict.
    given["program"] = "/does/not/exist"
    code, output = ran(ATTEMPTS, given=json.dumps(given), readable=("/",), strict=False, output=10_000_000)
    assert code == 0
    done = {name for name, outcome in json.loads(output).items() if outcome}
    assert "read a file" in done
    assert not [name for name in done if not name.startswith(("read", "list", "leave", "become"))]


@needs_sandbox
def test_what_it_writes_is_bounded() -> None:
    code, output = ran("import sys; sys.stdout.buffer.write(bytes(10_000_000))", output=1000)
    assert code != 0
    assert len(output) <= 1000


@needs_sandbox
def test_its_memory_and_time_are_bounded() -> None:
    assert ran("bytearray(8 * 1024**3)")[0] == 1
    assert ran("while True: pass", seconds=1)[0] < 0


@needs_sandbox
def test_a_folder_that_does_not_exist_ends_the_start() -> None:
    assert ran("print(1)", readable=("/does/not/exist",)) == (FAILED, b"")


@pytest.mark.parametrize("machine", NUMBERS)
def test_the_filter_refuses_what_it_does_not_know(machine: str) -> None:
    program = seccomp.instructions(machine)
    for number, expected in ((63 if machine == "aarch64" else 0, "allow"), (41, "refuse"), (0x40000000, "refuse")):
        assert decision(program, seccomp._MACHINES[machine][0], number) == expected
    assert decision(program, 0x40000003, 0) == "kill"  # i386's calls
    openat = 257 if machine == "x86_64" else 56
    for flags, expected in ((0, "allow"), (0o2000000, "allow"), (1, "refuse"), (2, "refuse"), (0o100, "refuse")):
        assert decision(program, seccomp._MACHINES[machine][0], openat, 0, 0, flags) == expected


def decision(program: list[seccomp.Instruction], architecture: int, number: int, *arguments: int) -> str:
    """Runs the filter as the kernel does."""
    words = {0: number, 4: architecture, **{16 + 8 * at: value for at, value in enumerate(arguments)}}
    at, loaded = 0, 0
    while True:
        code, yes, no, value = program[at]
        at += 1
        match code:
            case 0x20:
                loaded = words.get(value, 0)
            case 0x15:
                at += yes if loaded == value else no
            case 0x45:
                at += yes if loaded & value else no
            case 0x06:
                return {0x7FFF0000: "allow", 0x80000000: "kill"}.get(value, "refuse")


def test_no_byte_code_is_written_under_the_limit_of_the_size_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(boatyard_layers.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "wheels")
    shutil.copytree(package, tmp_path / package.name, ignore=ignored)
    monkeypatch.setattr("boatyard_layers.sandbox.programs._CODE", str(tmp_path))
    confined = Confined(readable=READABLE, strict=False, output=10, seconds=10)
    python = os.path.realpath(sys.executable)
    with running([python, "-I", "-S", "-c", ""], environment={}, folder=HOME, confined=confined) as program:
        assert program.wait(30) == 0
    assert not [*tmp_path.rglob("*.pyc")]
