"""SHA-256 of files, and the form of content hashes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from holdfast.errors import HoldfastError

_MAX_CHARACTERS = 128
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class InvalidContentHash(HoldfastError):
    """Raised when a content hash is not `sha256:` and 64 hexadecimal digits (the prefix is optional)."""

    code = "invalid_content_hash"
    status = 400


class IndexedFile(Struct, frozen=True):
    """The SHA-256 (hex) and size in bytes of one file."""

    sha256: str
    size: int


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def normalize_content_hash(content_hash: str) -> str:
    """The 64 lower-case digits of a content hash, with or without `sha256:` before them. Raises InvalidContentHash."""
    # A much longer text is rejected unread: callers remember results by their argument, and white space could make it arbitrarily long.
    digits = content_hash.strip().lower().removeprefix("sha256:") if len(content_hash) <= _MAX_CHARACTERS else ""
    if not _HEX.fullmatch(digits):
        raise InvalidContentHash("A content hash must be sha256: followed by 64 hexadecimal digits.")
    return digits
