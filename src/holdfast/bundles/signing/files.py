"""Where signatures lie: beside an archive, beside it in the bundle store, and beside what was unpacked of it."""

from __future__ import annotations

import tempfile
from contextlib import aclosing, suppress
from pathlib import Path

from holdfast.bundles.cache.workspace import workspace
from holdfast.bundles.signing.minisign import FILE_MAX_BYTES
from holdfast.bundles.signing.statement import STATEMENT_SUFFIX
from holdfast.bundles.store.open import BundleNotFound, BundleStore

SIGNATURE_SUFFIX = ".minisig"
KEPT = ".minisig"
"""Its name beside the unpacked files. No member of an archive can have a dot-leading name, so no bundle can bring it along."""


def signature_beside(archive: Path) -> Path:
    """The file of an archive's signature: `bundle.tar.zst.minisig`."""
    return archive.with_name(archive.name + SIGNATURE_SUFFIX)


def statement_beside(archive: Path) -> Path:
    """The file of what an archive's signature is over: `bundle.tar.zst.statement.json`."""
    return archive.with_name(archive.name + STATEMENT_SUFFIX)


def read_signature(path: Path) -> bytes | None:
    """The bytes of a signature file, or None when there is none. Of a file that is too long, so many that it is refused. Raises OSError."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        return None


def forget_signature(archive: Path) -> None:
    """Removes signature and statement beside an archive that was replaced by another. Raises OSError."""
    signature_beside(archive).unlink(missing_ok=True)
    statement_beside(archive).unlink(missing_ok=True)


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
        written = Path(folder) / KEPT
        written.write_bytes(signature)
        await store.put(signature_key(bundle_key), written)


def keep_signature(root: Path, signature: bytes, cache_root: Path) -> None:
    """Keeps a signature beside the unpacked files in `root`, so that the next process need not ask the store for it.

    What cannot be kept is asked for again: nothing is raised.
    """
    with suppress(OSError), workspace(cache_root) as folder:
        written = folder / KEPT
        written.write_bytes(signature)
        written.replace(root / KEPT)
