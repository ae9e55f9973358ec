"""The copy of a signature next to the unpacked files: with it, the next process need not read the signature from the store."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from holdfast.bundles.signing.signature_storage import read_signature
from holdfast.concurrency.workspaces import workspace

SIGNATURE_NAME = ".minisig"
"""The name next to the unpacked files. No archive member can have a name that begins with a dot, so no bundle can contain this file."""


def load_signature(root: Path) -> bytes | None:
    """The signature saved next to the unpacked files in `root`; None when there is none or it cannot be read."""
    with suppress(OSError):
        return read_signature(root / SIGNATURE_NAME)
    return None


def save_signature(root: Path, signature: bytes, cache_root: Path) -> None:
    """Saves a signature next to the unpacked files in `root`.

    Never raises: the copy only saves a request, and the next process reads the signature from the store instead.
    """
    # Written elsewhere and renamed, so that no other process reads half of it.
    with suppress(OSError), workspace(cache_root) as folder:
        partial = folder / SIGNATURE_NAME
        partial.write_bytes(signature)
        partial.replace(root / SIGNATURE_NAME)
