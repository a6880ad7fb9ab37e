"""Landlock: from now on, this process reads and runs only what is below some folders, and changes nothing.

Linux has it since 5.13, where the kernel is built with it; see landlock(7).
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from typing import Final

_CREATE: Final = 444
_ADD: Final = 445
_RESTRICT: Final = 446
"""The same numbers on all architectures."""
_ASK_VERSION: Final = 1
_BENEATH: Final = 1
_EXECUTE: Final = 1 << 0
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights each version knows: bits from 0. What is handled and not granted is denied."""
_NETWORK_SINCE: Final = 4
_NETWORK: Final = 0b11
"""To bind and to connect TCP."""
_SCOPES_SINCE: Final = 6
_SCOPES: Final = 0b11
"""Abstract Unix sockets and signals of other processes."""


def version() -> int:
    """The kernel's version of Landlock, 0 without it."""
    try:
        found = _syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    except (OSError, AttributeError):
        return 0
    return max(found, 0)


def restrict(readable: Sequence[str]) -> None:
    """Raises OSError if the kernel refuses. The process must have no_new_privs."""
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    bits = _FILE_RIGHTS[max(each for each in _FILE_RIGHTS if each <= known)]
    fields = [(1 << bits) - 1]
    if known >= _NETWORK_SINCE:
        fields.append(_NETWORK)
    if known >= _SCOPES_SINCE:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for folder in readable:
            place = os.open(folder, os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY)
            try:
                rule = struct.pack("=Qi", _EXECUTE | _READ_FILE | _READ_DIR, place)
                _syscall(_ADD, ruleset, _BENEATH, rule, ctypes.c_uint32(0))
            finally:
                os.close(place)
        _syscall(_RESTRICT, ruleset, ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _syscall(number: int, *arguments: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    found: int = call(ctypes.c_long(number), *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), f"system call {number} failed")
    return found
