"""Where signatures lie: beside an archive, beside it in the bundle store, and beside what was unpacked of it."""

from __future__ import annotations

import tempfile
from contextlib import aclosing
from pathlib import Path

from holdfast.bundles.archive.sidecars import SIGNATURE_SUFFIX
from holdfast.bundles.signing.minisign import FILE_MAX_BYTES
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.protocol import BundleStore


def read_signature(path: Path) -> bytes | None:
    """The bytes of a signature file, or None when there is none. Of a file that is too long, so many that it is refused. Raises OSError."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        return None


def signature_key(bundle_key: str) -> str:
    """The key, in the store, of the signature of the bundle with that key."""
    return bundle_key + SIGNATURE_SUFFIX


async def read_stored_signature(store: BundleStore, bundle_key: str) -> bytes | None:
    """As `read_signature`, from the store. Raises BundleStoreUnavailable."""
    data = bytearray()
    try:
        async with aclosing(store.get(signature_key(bundle_key))) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) > FILE_MAX_BYTES:
                    break
    except BundleNotFound:
        return None
    return bytes(data[: FILE_MAX_BYTES + 1])


async def store_signature(store: BundleStore, bundle_key: str, signature: bytes) -> None:
    """Puts a signature beside its bundle in the store. Raises BundleStoreUnavailable."""
    with tempfile.TemporaryDirectory(prefix="holdfast-signature-") as folder:
        written = Path(folder) / SIGNATURE_SUFFIX
        written.write_bytes(signature)
        await store.put(signature_key(bundle_key), written)
