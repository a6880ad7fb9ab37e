"""A seccomp filter that allows the system calls of a program which computes: nothing that opens a connection, starts a
process, signals one, or opens a file for writing. All others fail with ENOSYS.

The program may read and write what was opened for it, and files that Landlock lets it open.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping
from typing import Final

_X86_64: Final = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
    "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "pread64": 17, "readv": 19, "writev": 20, "access": 21, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32,
    "dup2": 33, "nanosleep": 35, "getpid": 39, "execve": 59, "exit": 60, "uname": 63, "fcntl": 72, "getcwd": 79,
    "readlink": 89, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102,
    "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110, "sigaltstack": 131, "arch_prctl": 158,
    "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204, "getdents64": 217, "set_tid_address": 218,
    "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "openat": 257,
    "newfstatat": 262, "readlinkat": 267, "faccessat": 269, "ppoll": 271, "set_robust_list": 273, "prlimit64": 302,
    "getrandom": 318, "statx": 332, "rseq": 334, "faccessat2": 439,
}  # fmt: skip
_AARCH64: Final = {
    "getcwd": 17, "dup": 23, "dup3": 24, "fcntl": 25, "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61,
    "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "ppoll": 73, "readlinkat": 78,
    "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "set_tid_address": 96, "futex": 98,
    "set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115,
    "sched_getaffinity": 123, "sched_yield": 124, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135,
    "rt_sigreturn": 139, "times": 153, "uname": 160, "getrlimit": 163, "getrusage": 165, "gettimeofday": 169,
    "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178,
    "sysinfo": 179, "brk": 214, "munmap": 215, "mremap": 216, "execve": 221, "mmap": 222, "mprotect": 226,
    "madvise": 233, "prlimit64": 261, "getrandom": 278, "statx": 291, "rseq": 293, "faccessat2": 439,
}  # fmt: skip
_MACHINES: Final[Mapping[str, tuple[int, Mapping[str, int]]]] = {
    "x86_64": (0xC000003E, _X86_64),
    "aarch64": (0xC00000B7, _AARCH64),
}
"""The kernel's number of the architecture, and its system calls."""
_WRITES: Final = 0o3 | 0o100 | 0o1000 | 0o2000
"""O_ACCMODE, O_CREAT, O_TRUNC, O_APPEND"""
_FORBIDDEN: Final = {"open": (1, _WRITES), "openat": (2, _WRITES)}
"""The number of an argument, and the bits that it must not have."""
_ONLY: Final = {"fcntl": (1, (0, 1, 2, 3, 1030)), "prlimit64": (0, (0,))}
"""The number of an argument, and its values: to copy a descriptor and to read and write its flags, but not to choose
who receives its signals; limits of this process alone."""

_LOAD: Final = 0x20
_RETURN: Final = 0x06
_IF_EQUAL: Final = 0x15
_IF_BITS: Final = 0x45
_KILL: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.ENOSYS
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16

_PR_SET_SECCOMP: Final = 22
_FILTER_MODE: Final = 2
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_ACTION_AVAILABLE: Final = 2

Instruction = tuple[int, int, int, int]
"""Code, how many are skipped if it is true and if not, value."""


def available() -> bool:
    """Whether this kernel takes filters, and this machine's system calls are known."""
    number = _SECCOMP.get(platform.machine())
    if number is None:
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):
        return False
    action = ctypes.c_uint32(_REFUSE & 0xFFFF0000)
    return bool(call(ctypes.c_long(number), _ACTION_AVAILABLE, 0, ctypes.byref(action)) == 0)


def no_new_privileges() -> None:
    """Programs that this process starts get no privileges by their file's mode."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def restrict() -> None:
    """Raises OSError if the kernel refuses. The process must have no_new_privs."""
    program = instructions(platform.machine())
    packed = b"".join(struct.pack("=HBBI", *each) for each in program)
    buffer = ctypes.create_string_buffer(packed, len(packed))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    _prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(Program(len(program), ctypes.addressof(buffer))))


def instructions(machine: str) -> list[Instruction]:
    """The filter, as the kernel's BPF machine runs it for every system call."""
    if machine not in _MACHINES:
        raise OSError(f"the system calls of {machine} are not known")
    architecture, calls = _MACHINES[machine]
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        # The numbers of x86-64's second interface (x32) have a bit more and equal none of these.
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for name, number in sorted(calls.items(), key=lambda each: each[1]):
        rest = _rest(name)
        program += [(_IF_EQUAL, 0, len(rest), number), *rest]
    return [*program, (_RETURN, 0, 0, _REFUSE)]


def _rest(name: str) -> list[Instruction]:
    """What a known system call depends on; it returns in any case."""
    if name in _FORBIDDEN:
        argument, bits = _FORBIDDEN[name]
        return [
            (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
            (_IF_BITS, 0, 1, bits),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    if name in _ONLY:
        argument, values = _ONLY[name]
        place = _ARGUMENTS_AT + 8 * argument
        checks: list[Instruction] = [(_IF_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
        return [(_LOAD, 0, 0, place), *checks, (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return [(_RETURN, 0, 0, _ALLOW)]


def _prctl(*arguments: object) -> None:
    call = ctypes.CDLL(None, use_errno=True).prctl
    # All five, since the kernel refuses some calls whose rest is not zero.
    words = [each if not isinstance(each, int) else ctypes.c_ulong(each) for each in arguments]
    if call(*words, *[ctypes.c_ulong(0)] * (5 - len(words))):
        raise OSError(ctypes.get_errno(), "prctl failed")
