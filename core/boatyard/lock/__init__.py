"""Records which versions an image's packages have.

`model` has the types and their JSON form, which a registry keeps. `pylock` translates to and from pylock.toml (PEP
751), which people and other tools read.
"""

from boatyard.lock.model import (
    LARGEST,
    Lock,
    LockedLayer,
    LockedPackage,
    LockedPlatform,
    LockedWheel,
    decode,
    encode,
    without_credentials,
)

__all__ = [
    "LARGEST",
    "Lock",
    "LockedLayer",
    "LockedPackage",
    "LockedPlatform",
    "LockedWheel",
    "decode",
    "encode",
    "without_credentials",
]
