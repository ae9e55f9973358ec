"""What a bundle store is: the protocol, its errors, the key of a bundle, and which keys are taken."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

from holdfast.bundles.store.hashing import hash_hex
from holdfast.errors import HoldfastError

PIECE_BYTES = 1024 * 1024
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", re.ASCII)


class BundleNotFound(HoldfastError):
    """Raised when the store has nothing under a key."""

    code = "bundle_not_found"
    status = 404

    def __init__(self, key: str) -> None:
        super().__init__(f"The bundle store has no {key}.", hint="Install the extension again.")


class BundleStoreUnavailable(HoldfastError):
    """Raised when the store cannot be opened, reached, read or written."""

    code = "bundle_store_unavailable"
    status = 503


class InvalidBundleKey(HoldfastError):
    """Raised when a tenant id, an extension id or a key could lead out of its place in the store."""

    code = "invalid_bundle_key"
    status = 400


class BundleStore(Protocol):
    """Keeps files under keys of `/`-separated segments. Every method raises InvalidBundleKey for a key that `checked_key` refuses."""

    async def put(self, key: str, source: Path) -> None:
        """Keeps a copy of the file `source`; readers see the old content or the new, nothing between. Raises BundleStoreUnavailable."""

    def get(self, key: str) -> AsyncGenerator[bytes, None]:
        """The content in pieces of at most 1 MiB. Raises BundleNotFound, BundleStoreUnavailable, at the first piece or later."""

    async def delete(self, key: str) -> None:
        """Removes what is under the key; nothing there is no error. Raises BundleStoreUnavailable."""

    async def exists(self, key: str) -> bool:
        """Whether something is under the key. Raises BundleStoreUnavailable."""

    async def check(self) -> None:
        """Asks once, without patience, whether the store is there and can be used. Raises BundleStoreUnavailable when it cannot."""


def bundle_key(tenant_id: str, extension_id: str, sha256_hex: str) -> str:
    """The key of a bundle: `tenants/{tenant}/extensions/{extension}/sha256/{hex}/bundle.tar.zst`.

    Raises InvalidBundleKey when an id is not 1 to 128 letters, digits, `.`, `_`, `-`; InvalidContentHash when the hash is not one.
    """
    for what, part in (("tenant", tenant_id), ("extension", extension_id)):
        if not _PART.fullmatch(part):
            raise InvalidBundleKey(f"The {what} id is not 1 to 128 letters, digits, '.', '_' or '-'.")
    return f"tenants/{tenant_id}/extensions/{extension_id}/sha256/{hash_hex(sha256_hex)}/bundle.tar.zst"


def is_key(key: str) -> bool:
    """Whether a key is segments of letters, digits, `.`, `_` and `-` with `/` between them, none of which begins with `.` or `-`."""
    return all(_SEGMENT.fullmatch(segment) for segment in key.split("/"))


def checked_key(key: str) -> str:
    """The key itself. Raises InvalidBundleKey when it could lead out of the store."""
    if not is_key(key):
        raise InvalidBundleKey("A key is segments of letters, digits, '.', '_' and '-', with '/' between them.")
    return key
