"""The interface of a bundle store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

PIECE_BYTES = 1024 * 1024


class BundleStore(Protocol):
    """Stores files under keys of `/`-separated segments. Every method raises InvalidBundleKey for a key that `validate_key` rejects."""

    async def put(self, key: str, source: Path) -> None:
        """Stores a copy of the file `source`. Readers see the old content or the new, never a mix. Raises BundleStoreUnavailable."""

    def get(self, key: str) -> AsyncGenerator[bytes, None]:
        """The content in pieces of at most 1 MiB. Raises BundleNotFound, BundleStoreUnavailable, at the first piece or later."""

    async def delete(self, key: str) -> None:
        """Removes the object under the key; a missing object is not an error. Raises BundleStoreUnavailable."""

    async def exists(self, key: str) -> bool:
        """Whether there is an object under the key. Raises BundleStoreUnavailable."""

    async def check(self) -> None:
        """Tests once, without retries, whether the store can be used. Raises BundleStoreUnavailable when it cannot."""
