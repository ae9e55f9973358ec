"""Reads and writes signatures: in files, and in the bundle store next to their bundles."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from holdfast.bundles.archive.sidecars import SIGNATURE_SUFFIX
from holdfast.bundles.signing.minisign import FILE_MAX_BYTES
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.workspaces import temporary_folder


def read_signature(path: Path) -> bytes | None:
    """The content of a signature file; None when there is none. Raises OSError.

    Of a file that is too long, it returns just enough for `Signature.parse` to reject it.
    """
    try:
        with path.open("rb") as file:
            return file.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        return None


def signature_key(bundle_key: str) -> str:
    """The store key of the signature of the bundle under `bundle_key`."""
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
    """Stores a signature next to its bundle. Raises BundleStoreUnavailable."""
    with temporary_folder("signature") as folder:
        source = folder / "signature"
        source.write_bytes(signature)
        await store.put(signature_key(bundle_key), source)
