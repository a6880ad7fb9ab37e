"""The start of a process: limits, the sandbox, and then the program in its place.

Run with `python -I -S`, before anything of the program. It is a program of its own, so that no code runs between fork
and exec in a process with threads. Its order comes from the same Python, by marshal, which needs no import; and only
a program that is confined needs the sandbox.
"""

import ctypes
import marshal
import os
import signal
import sys

FAILED = 125
"""The exit code if the program was not started."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    try:
        with os.fdopen(int(sys.argv[-1]), "rb") as pipe:
            order = marshal.loads(pipe.read())  # noqa: S302 - written by the process that started this one
        _end_with(order["parent"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores them, and the program would, too
        if (confined := order["confined"]) is not None:
            _limit(confined["seconds"], confined["memory"], confined["output"])
            _confine(confined["readable"], confined["strict"])
        os.execve(order["words"][0], order["words"], order["environment"])  # noqa: S606 - as this is for
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        os._exit(FAILED)


def _end_with(parent: int) -> None:
    """Has Linux kill the program when the job's thread that waits for it dies."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:
        return
    if os.getppid() != parent:
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
