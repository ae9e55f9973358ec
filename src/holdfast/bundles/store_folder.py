"""The bundle store that is a folder."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

from holdfast.bundles.store_protocol import PIECE_BYTES, BundleNotFound, BundleStoreUnavailable, checked_key
from holdfast.bundles.thread_work import in_thread


class FolderStore:
    """A folder; a key is a path below it. The files can be put there by hand too."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    async def put(self, key: str, source: Path) -> None:
        await asyncio.to_thread(self._put, self._path(key), source)

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        path = self._path(key)
        try:
            file = await in_thread(lambda: path.open("rb"), io.BufferedReader.close)
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
        await asyncio.to_thread(self._delete, self._path(key))

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    async def check(self) -> None:
        """A folder that is not there yet is a store that is still empty: the first `put` makes it."""
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
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, partial_name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)
            partial = Path(partial_name)
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
