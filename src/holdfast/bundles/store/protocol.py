"""What a bundle store is: the protocol, its errors, the key of a bundle, and which keys are taken."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

PIECE_BYTES = 1024 * 1024


class BundleStore(Protocol):
    """Keeps files under keys of `/`-separated segments. Every method raises InvalidBundleKey for a key that `validate_key` refuses."""

    async def put(self, key: str, source: Path) -> None:
        """Keeps a copy of the file `source`; readers see the old content or the new, nothing between. Raises BundleStoreUnavailable."""

    def get(self, key: str) -> AsyncGenerator[bytes, None]:
        """The content in pieces of at most 1 MiB. Raises BundleNotFound, BundleStoreUnavailable, at the first piece or later."""

    async def delete(self, key: str) -> None:
        """Removes what is under the key; nothing there is no error. Raises BundleStoreUnavailable."""

    async def exists(self, key: str) -> bool:
        """Whether something is under the key. Raises BundleStoreUnavailable."""

    async def check(self) -> None:
        """Asks once, without retry_policy, whether the store is there and can be used. Raises BundleStoreUnavailable when it cannot."""
