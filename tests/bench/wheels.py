"""Makes wheels of wanted sizes, whose bytes compress like machine code, without a download."""

import base64
import hashlib
import random
import zipfile
from pathlib import Path

_TIME = (1980, 1, 1, 0, 0, 0)
_PIECE = 4 * 1024**2
_FILES = 20


def make_wheel(folder: Path, name: str, version: str, megabytes: float, seed: int = 1, *, stored: bool = False) -> Path:
    """A wheel with some Python, and libraries of `megabytes` in total before compression to about half. A `stored` one
    is not compressed, which is most of the work."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    record: list[str] = []
    content = random.Random(f"{name} {version} {seed}")  # noqa: S311 - not for secrecy
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def add(path: str, pieces: list[bytes]) -> None:
            digest, size = hashlib.sha256(), 0
            entry = zipfile.ZipInfo(path, _TIME)
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
            encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={encoded},{size}")

        for number in range(_FILES):
            body = "".join(f"def f{line}(x):\n    return x + {content.random()}\n" for line in range(40))
            add(f"{module}/{'__init__' if number == 0 else f'part{number}'}.py", [body.encode()])
        left = int(megabytes * 1e6)
        for number in range(max(1, left // 50_000_000)):
            share = left // max(1, left // 50_000_000)
            pieces = [_code(content, min(_PIECE, share - start)) for start in range(0, share, _PIECE)]
            add(f"{module}/lib{number}.so", pieces)
        add(f"{info}/METADATA", [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()])
        add(f"{info}/WHEEL", [b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"])
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", _TIME), "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return wheel


def _code(content: random.Random, size: int) -> bytes:
    """Half noise, half repetition, in turns of 4 KiB."""
    block = 4096
    noise = content.randbytes(size // 2 + block)
    pieces = []
    for start in range(0, size // 2 + block, block):
        pieces += [noise[start : start + block], noise[:64] * (block // 64)]
    return b"".join(pieces)[:size]
