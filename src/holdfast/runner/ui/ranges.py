"""The header `Range` of a request for a file (RFC 9110, section 14): one range of bytes, or none that counts."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

OUTSIDE: Literal["outside"] = "outside"
_MAX_CHARACTERS = 100
_ONE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)


class ByteRange(Struct, frozen=True):
    """Offsets of the first and the last byte, both in the file."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Its size in bytes, at least 1."""
        return self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """The header `Content-Range` of a response with this range of a file of `size` bytes."""
        return f"bytes {self.first}-{self.last}/{size}"


def parse_range(header: str, size: int) -> ByteRange | Literal["outside"] | None:
    """The range that `header` requests of a file of `size` bytes; "outside" when no byte of the file is in it (416).

    None when the response is the whole file: the header is malformed, is not about bytes, or requests several ranges, which the standard
    lets a server ignore.
    """
    found = _ONE.fullmatch(header) if len(header) <= _MAX_CHARACTERS else None
    if found is None:
        return None
    first, last = found[1], found[2]
    if not first:
        return _suffix(int(last), size) if last else None
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        return OUTSIDE
    return ByteRange(start, min(int(last), size - 1) if last else size - 1)


def _suffix(length: int, size: int) -> ByteRange | Literal["outside"] | None:
    if length == 0:
        return OUTSIDE
    # The last bytes of an empty file are no bytes, which Content-Range cannot express.
    return ByteRange(max(size - length, 0), size - 1) if size else None
