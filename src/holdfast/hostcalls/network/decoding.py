"""Decodes the compressed bodies of responses (RFC 9110, section 8.4), and never expands more than a limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable

ACCEPTED = "gzip, zstd"
"""`Accept-Encoding` of a request whose guest sets none. Not `deflate`: servers disagree on its format."""

_ZSTD_WINDOW = 8 * 1024 * 1024
"""The largest window that RFC 9659 permits for zstd in HTTP."""

_ZSTD_PIECE = 128
"""Bytes that are decoded at once. The library has no limit of what comes out: a block of 4 bytes becomes at most 128 KiB, so 4 MiB here."""

_GZIP = 31
"""What zlib calls gzip with its header and checksum."""


class BodyTooLarge(ValueError):
    """Raised when a body expands to more than the limit."""


class BodyUndecodable(ValueError):
    """Raised when a body does not have the format that its `Content-Encoding` names, or is cut off."""


def decoder_of(encoding: str) -> Callable[[bytes, int], bytes] | None:
    """What decodes a body with this `Content-Encoding`; None for one that is not decoded, such as several encodings at once.

    It takes the body and the limit of the decoded bytes. It raises BodyTooLarge or BodyUndecodable.
    """
    return {"gzip": _decode_gzip, "x-gzip": _decode_gzip, "zstd": _decode_zstd}.get(encoding.strip().lower())


def _decode_gzip(content: bytes, limit: int) -> bytes:
    decoded = bytearray()
    try:
        # A gzip body may have several members, one after the other (RFC 1952, section 2.2).
        while content:
            member = zlib.decompressobj(_GZIP)
            decoded += member.decompress(content, limit + 1 - len(decoded))
            _check(decoded, limit)
            if not member.eof:
                raise BodyUndecodable("the gzip body is cut off")
            content = member.unused_data
    except zlib.error as error:
        raise BodyUndecodable("the body is not gzip") from error
    return bytes(decoded)


def _decode_zstd(content: bytes, limit: int) -> bytes:
    import zstandard  # when a server sends it: few do

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    decoded = bytearray()
    start = 0
    try:
        # As gzip: one frame after the other.
        while start < len(content):
            frame = decompressor.decompressobj()
            while not frame.eof:
                piece = content[start : start + _ZSTD_PIECE]
                if not piece:
                    raise BodyUndecodable("the zstd body is cut off")
                decoded += frame.decompress(piece)
                _check(decoded, limit)
                start += len(piece)
            start -= len(frame.unused_data)
    except zstandard.ZstdError as error:
        raise BodyUndecodable("the body is not zstd") from error
    return bytes(decoded)


def _check(decoded: bytearray, limit: int) -> None:
    if len(decoded) > limit:
        raise BodyTooLarge
