"""The start of a process: limits, the sandbox, and then the program in its place.

Run with `python -I -S -B`, before anything of the program. It is a program of its own, so that no code runs between
fork and exec in a process with threads. Its order comes from the same Python, by marshal, which needs no import; and
only a program that is confined needs the sandbox.
"""

import marshal
import os
import signal
import sys

from boatyard_layers.sandbox.parent import end_with

FAILED = 125
"""The exit code if the program was not started."""


def main() -> None:
    try:
        with os.fdopen(int(sys.argv[-1]), "rb") as pipe:
            order = marshal.loads(pipe.read())  # noqa: S302 - written by the process that started this one
        end_with(order["parent"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores them, and the program would, too
        if (confined := order["confined"]) is not None:
            _limit(confined["seconds"], confined["memory"], confined["output"])
            _confine(confined["readable"], confined["strict"])
        os.execve(order["words"][0], order["words"], order["environment"])  # noqa: S606 - as this is for
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        os._exit(FAILED)


def _limit(seconds: int, memory: int, output: int) -> None:
    import resource

    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, memory),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _confine(readable: list[str], strict: bool) -> None:
    from boatyard_layers.sandbox import landlock, seccomp

    seccomp.no_new_privileges()
    if strict or landlock.version():
        landlock.restrict(readable)
    if strict or seccomp.available():
        seccomp.restrict()
