"""SHA-256 of files, and what a content hash looks like."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from holdfast.errors import HoldfastError

_MAX_CHARACTERS = 128
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class InvalidContentHash(HoldfastError):
    """Raised when a content hash is not `sha256:` and 64 hexadecimal digits (the prefix may be left out)."""

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
    # What is much longer is not even looked at: white space without end would be remembered with what it stands around.
    digits = content_hash.strip().lower().removeprefix("sha256:") if len(content_hash) <= _MAX_CHARACTERS else ""
    if not _HEX.fullmatch(digits):
        raise InvalidContentHash("A content hash is sha256: followed by 64 hexadecimal digits.")
    return digits
