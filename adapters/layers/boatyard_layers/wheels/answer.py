"""The answer to uv's question about an interpreter.

It has the form of uv's own script (get_interpreter_info.py) of several versions, and is made of what this package
knows: the image's interpreter is not asked again, and cannot name folders to uv. A uv that misses something in it
fails, and the layer goes to BuildKit.
"""

import os
from pathlib import Path

import msgspec

from boatyard_layers.interpreter import Interpreter


def answer(interpreter: Interpreter, folder: Path, python: Path, base: Path) -> bytes:
    """As JSON, for the environment at a folder, made from the interpreter at `base`. It has paths below these alone.

    Of the interpreter itself, both are the same."""
    system = os.uname()
    library = f"lib/python{interpreter.minor}"
    site = f"{library}/site-packages"
    include = f"include/site/python{interpreter.minor}"
    major, _, minor = interpreter.libc.partition("_")
    libc = {"name": "manylinux", "major": int(major), "minor": int(minor)}
    relative = {"purelib": site, "platlib": site, "include": include, "scripts": "bin", "data": ""}
    tag = f"cpython-{interpreter.minor.replace('.', '')}-{system.machine}-linux-gnu"
    return msgspec.json.encode(
        {
            "result": "success",
            "markers": {
                "implementation_name": "cpython",
                "implementation_version": interpreter.version,
                "os_name": "posix",
                "platform_machine": system.machine,
                "platform_python_implementation": "CPython",
                "platform_release": system.release,
                "platform_system": "Linux",
                "platform_version": system.version,
                "python_full_version": interpreter.version,
                "python_version": interpreter.minor,
                "sys_platform": "linux",
            },
            "sys_base_prefix": str(base),
            "sys_base_exec_prefix": str(base),
            "sys_prefix": str(folder),
            "sys_base_executable": str(python),
            "sys_executable": str(python),
            "sys_path": [str(base / library), str(folder / site)],
            "site_packages": [str(folder / site)],
            "stdlib": str(base / library),
            "extension_suffixes": [f".{tag}.so", ".abi3.so", ".so"],
            "standalone": False,
            "scheme": {name: str(folder / path) if path else str(folder) for name, path in relative.items()},
            "virtualenv": relative,
            # By version of uv.
            "platform": {"os": libc, "arch": system.machine},
            "os": libc,
            "arch": system.machine,
            # This machine's processor must not choose the wheels of an image that runs elsewhere.
            "cpu_info": {"unavailable": "not the processor that the image runs on"},
            "manylinux_compatible": True,
            "gil_disabled": False,
            "debug_enabled": False,
            "pointer_size": "64",
        }
    )
