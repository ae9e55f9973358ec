"""Which encoding a file is sent in (RFC 9110, section 12.5.3), and how it is encoded."""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
import zlib
from typing import Literal

import zstandard

Encoding = Literal["zstd", "gzip"]

PACKED_SUFFIXES: dict[Encoding, str] = {"zstd": ".zst", "gzip": ".gz"}
"""A file whose name is another file's with this suffix is that other file, encoded. It has no address of its own."""

MIN_BYTES = 1_024
"""Smaller files are not encoded: they fit into one packet."""
MAX_BYTES = 16 * 1024 * 1024
"""Larger files are not encoded here."""

_MAX_WINDOW = 8 * 1024 * 1024  # What browsers accept (RFC 9659).
_ZSTD_LEVEL, _GZIP_LEVEL = 9, 6
_ELEMENT = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?", re.ASCII | re.IGNORECASE
)
_COMPRESSIBLE = frozenset(
    {"text/html", "text/javascript", "text/css", "text/plain", "application/json", "application/manifest+json"}
    | {"application/wasm", "image/svg+xml", "font/ttf", "font/otf"}
)


def is_compressible(media_type: str, size: int) -> bool:
    """Whether a file of this type and size in bytes is worth encoding."""
    return media_type in _COMPRESSIBLE and size >= MIN_BYTES


@functools.lru_cache(maxsize=1_024)
def accepted_encodings(header: str) -> tuple[Encoding, ...]:
    """The encodings that `Accept-Encoding: header` prefers to the unencoded file, the best first; of equals, zstd before gzip.

    An invalid header, or one longer than 256 characters, accepts none.
    """
    weights = _weights(header) if len(header) <= 256 else None
    if weights is None:
        return ()
    others = weights.get("*", 0.0)
    # The unencoded file is always acceptable unless the header rejects it, but it was not requested.
    identity = weights.get("identity", 0.0)
    candidates: list[tuple[float, Encoding]] = [(weights.get("zstd", others), "zstd"), (weights.get("gzip", others), "gzip")]
    candidates.sort(key=lambda candidate: -candidate[0])
    return tuple(encoding for weight, encoding in candidates if weight > 0 and weight >= identity)


def _weights(header: str) -> dict[str, float] | None:
    weights: dict[str, float] = {}
    for element in header.split(","):
        if not element.strip(" \t"):
            continue
        found = _ELEMENT.fullmatch(element)
        if found is None:
            return None
        weights[found[1].lower()] = float(found[2] or 1)
    return weights


def encode(data: bytes, encoding: Encoding) -> bytes | None:
    """The encoded bytes of a file; None when the encoding does not make it smaller."""
    encoded = (
        zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data) if encoding == "zstd" else gzip.compress(data, _GZIP_LEVEL, mtime=0)
    )
    return encoded if len(encoded) < len(data) else None


def is_encoding_of(packed: bytes, encoding: Encoding, *, sha256_hex: str, size: int) -> bool:
    """Whether `packed` is the file of this hash and size, encoded, and a browser can decode it. Never unpacks more than `size` bytes."""
    if not packed or len(packed) >= size:
        return False
    try:
        if encoding == "zstd":
            data = _unpack_zstd(packed, size)
        else:
            decompressor = zlib.decompressobj(wbits=31)
            data = decompressor.decompress(packed, size + 1)
            if not decompressor.eof or decompressor.unused_data:
                return False
    except (zlib.error, zstandard.ZstdError):
        return False
    return len(data) == size and hashlib.sha256(data).hexdigest() == sha256_hex


def _unpack_zstd(packed: bytes, size: int) -> bytes:
    frame = zstandard.get_frame_parameters(packed)
    if frame.window_size > _MAX_WINDOW or frame.content_size not in (size, zstandard.CONTENTSIZE_UNKNOWN):
        return b""
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size, allow_extra_data=False)
