"""Zstandard (RFC 8878): the standard library's module from Python 3.14 on, and its backport before."""

import sys
from typing import IO, Final, cast

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile
else:
    from backports.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile

__all__ = ["ZstdError", "compress", "compressor", "decompress", "reader"]

_PIECE: Final = 1024**2


def compressor(level: int) -> ZstdCompressor:
    """Its frame ends with a checksum. It uses one thread: the number of threads would decide the bytes."""
    parameter = CompressionParameter
    made: ZstdCompressor = ZstdCompressor(options={parameter.compression_level: level, parameter.checksum_flag: 1})
    return made


def compress(data: bytes, level: int) -> bytes:
    one: ZstdCompressor = ZstdCompressor(level=level)
    return one.compress(data, one.FLUSH_FRAME)


def decompress(data: bytes, most: int) -> bytes | None:
    """The contents of one frame; None for more than `most` bytes, whatever size the frame states.

    Raises ZstdError for anything else than one whole frame.
    """
    frame, text = ZstdDecompressor(), bytearray()
    piece = frame.decompress(data, _PIECE)
    while True:
        text += piece
        if len(text) > most:
            return None
        if frame.eof:
            break
        if frame.needs_input:
            raise ZstdError("the data ends within a frame")
        piece = frame.decompress(b"", _PIECE)
    if frame.unused_data:
        raise ZstdError("more than one frame")
    return bytes(text)


def reader(stream: IO[bytes]) -> IO[bytes]:
    """The uncompressed bytes of all frames."""
    return cast(IO[bytes], ZstdFile(stream))
