"""Where bundles are kept: the protocol, the key of a bundle, and the store that is a folder."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from holdfast.bundles.hashing import hash_file, hash_hex
from holdfast.errors import HoldfastError

__all__ = [
    "BundleNotFound",
    "BundleStore",
    "BundleStoreUnavailable",
    "FolderStore",
    "InvalidBundleKey",
    "bundle_key",
    "hash_file",
    "open_store",
]

CHUNK_BYTES = 1024 * 1024
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", re.ASCII)


class BundleNotFound(HoldfastError):
    """Raised when the store has nothing under a key."""

    code = "bundle_not_found"
    status = 404


class BundleStoreUnavailable(HoldfastError):
    """Raised when the store cannot be reached, read or written."""

    code = "bundle_store_unavailable"
    status = 503


class InvalidBundleKey(HoldfastError):
    """Raised when a tenant id, an extension id or a key could lead out of its place in the store."""

    code = "invalid_bundle_key"
    status = 400


class BundleStore(Protocol):
    """Keeps files under keys of `/`-separated segments."""

    async def put(self, key: str, source: Path) -> None:
        """Keeps a copy of the file `source`; readers see the old content or the new, nothing between. Raises BundleStoreUnavailable."""

    def get(self, key: str) -> AsyncIterator[bytes]:
        """The content in pieces of at most 1 MiB. Raises BundleNotFound, BundleStoreUnavailable, at the first piece or later."""

    async def delete(self, key: str) -> None:
        """Removes what is under the key; nothing there is no error. Raises BundleStoreUnavailable."""

    async def exists(self, key: str) -> bool:
        """Whether something is under the key. Raises BundleStoreUnavailable."""


def bundle_key(tenant_id: str, extension_id: str, sha256_hex: str) -> str:
    """The key of a bundle: `tenants/{tenant}/extensions/{extension}/sha256/{hex}/bundle.tar.zst`.

    Raises InvalidBundleKey when an id is not 1 to 128 letters, digits, `.`, `_`, `-`; InvalidContentHash when the hash is not one.
    """
    for what, part in (("tenant", tenant_id), ("extension", extension_id)):
        if not _PART.fullmatch(part):
            raise InvalidBundleKey(f"The {what} id is not 1 to 128 letters, digits, '.', '_' or '-'.")
    return f"tenants/{tenant_id}/extensions/{extension_id}/sha256/{hash_hex(sha256_hex)}/bundle.tar.zst"


class FolderStore:
    """A folder; a key is a path below it. The files can be put there by hand too."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        if not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
            raise InvalidBundleKey("A key is segments of letters, digits, '.', '_' and '-', with '/' between them.")
        return self.root / key

    async def put(self, key: str, source: Path) -> None:
        await asyncio.to_thread(self._put, self._path(key), source)

    async def get(self, key: str) -> AsyncIterator[bytes]:
        path = self._path(key)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise BundleNotFound(f"The bundle store has no {key}.", hint="Install the extension again.") from None
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise self._unavailable(error) from error
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, self._path(key))

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    def _put(self, path: Path, source: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, partial_name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)
            partial = Path(partial_name)
            try:
                with os.fdopen(descriptor, "wb") as target, source.open("rb") as content:
                    shutil.copyfileobj(content, target, CHUNK_BYTES)
                    target.flush()
                    os.fsync(target.fileno())
                partial.chmod(0o644)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise self._unavailable(error) from error

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root or not folder.is_relative_to(self.root):
                    break
                folder.rmdir()
        except OSError as error:
            # A folder that still holds something stays; everything else is trouble.
            if path.exists():
                raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> BundleStoreUnavailable:
        return BundleStoreUnavailable(
            f"The bundle store {self.root} cannot be used: {error.strerror or type(error).__name__}.",
            hint="Check BUNDLE_STORE_BASE and the permissions of that folder.",
        )


def open_store(location: str) -> BundleStore:
    """The store at `location`: a folder's path or a `file://` URL. Raises BundleStoreUnavailable for any other scheme."""
    if "://" not in location:
        return FolderStore(Path(location))
    url = urlsplit(location)
    if url.scheme == "file" and url.netloc in ("", "localhost") and url.path:
        return FolderStore(Path(unquote(url.path)))
    raise BundleStoreUnavailable(
        f"A bundle store of the kind {url.scheme}:// cannot be used.", hint="Set BUNDLE_STORE_BASE to a folder or a file:// URL."
    )
