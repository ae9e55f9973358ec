"""The bundle store that is a folder.

put:     .<random>.partial ──▶ content, fsync ──▶ renamed to the key
         killed: the partial file stays; `delete` in that folder removes it after an hour
delete:  the file, then each parent folder that has become empty
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.keys import validate_key
from holdfast.bundles.store.protocol import PIECE_BYTES
from holdfast.concurrency.threads import run_in_thread

_ATTEMPTS = 10
_PARTIAL = ".partial"
_ABANDONED_SECONDS = 3600


class FolderStore:
    """A folder; a key is a path below it. You can also copy files there by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        return self.root / validate_key(key)

    async def put(self, key: str, source: Path) -> None:
        # Completed even when cancelled: a caller that gets an error may delete the object at once, and then nothing may write it.
        path = self._path(key)
        await run_in_thread(lambda: self._put(path, source))

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        path = self._path(key)
        try:
            file = await run_in_thread(lambda: path.open("rb"), io.BufferedReader.close)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise BundleNotFound(key) from None
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece
        except OSError as error:
            raise self._unavailable(error) from error
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        path = self._path(key)
        await run_in_thread(lambda: self._delete(path))

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    async def check(self) -> None:
        """A missing folder is an empty store: the first `put` creates it."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        try:
            with os.scandir(self.root):
                pass
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._unavailable(error) from error

    def _put(self, path: Path, source: Path) -> None:
        try:
            descriptor, partial = _create_partial(path)
            try:
                with os.fdopen(descriptor, "wb") as target, source.open("rb") as content:
                    shutil.copyfileobj(content, target, PIECE_BYTES)
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
            _remove_abandoned(path.parent)
            for folder in path.parents:
                if folder == self.root or not folder.is_relative_to(self.root):
                    break
                folder.rmdir()
        except OSError as error:
            # A parent that is not empty stays. An error is reported only when the file itself is still there.
            if path.exists():
                raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> BundleStoreUnavailable:
        return BundleStoreUnavailable(
            f"The bundle store {self.root} cannot be used: {error.strerror or type(error).__name__}.",
            rule="store_disk",
            hint="Check BUNDLE_STORE_BASE, and the permissions of that folder.",
        )


def _create_partial(path: Path) -> tuple[int, Path]:
    """A new temporary file in the folder of `path`; creates the folder when it is missing."""
    for attempt in range(_ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=_PARTIAL, dir=path.parent)
        except FileNotFoundError:
            # Another process that deletes the last file of the folder removes the folder too, also between these two lines.
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return descriptor, Path(name)
    raise AssertionError("unreachable")


def _remove_abandoned(folder: Path) -> None:
    """Removes the partial files of processes that were killed while they wrote."""
    for partial in folder.glob(f".*{_PARTIAL}"):
        if partial.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
            partial.unlink(missing_ok=True)
