"""What one install may store, and the checks of single values against it."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

import msgspec

from holdfast.storage.errors import StorageError

NAMESPACE_LENGTH = 128
KEY_LENGTH = 256
LIST_DEFAULT = 25
LIST_MAX = 100
DEPTH_MAX = 64


@dataclass(frozen=True, kw_only=True)
class StorageLimits:
    """The limits of one install; sizes in bytes of JSON as UTF-8, times in seconds."""

    namespaces: int = 32
    keys_per_namespace: int = 5_120
    value_bytes: int = 65_536
    metadata_bytes: int = 4_096
    bulk_items: int = 20
    bulk_bytes: int = 524_288
    total_bytes: int = 268_435_456
    ttl_min_seconds: int = 60
    ttl_max_seconds: int = 2_592_000


def check_namespace(namespace: str) -> None:
    """Raises StorageError (`VALIDATION_FAILED`) unless `namespace` has 1 to 128 characters and no NUL."""
    if not 1 <= len(namespace) <= NAMESPACE_LENGTH or "\x00" in namespace:
        raise StorageError("VALIDATION_FAILED", f"A namespace has 1 to {NAMESPACE_LENGTH} characters.")


def check_key(key: str) -> None:
    """Raises StorageError (`VALIDATION_FAILED`) unless `key` has 1 to 256 characters, no `/` and no NUL."""
    if not 1 <= len(key) <= KEY_LENGTH or "\x00" in key:
        raise StorageError("VALIDATION_FAILED", f"A key has 1 to {KEY_LENGTH} characters.")
    if "/" in key:
        raise StorageError("VALIDATION_FAILED", "A key may not contain '/'.", hint="Use another separator, such as ':'.")


def check_ttl(seconds: int | None, limits: StorageLimits) -> None:
    """Raises StorageError (`LIMIT_EXCEEDED`) when a time to live is given and outside the limits."""
    if seconds is not None and not limits.ttl_min_seconds <= seconds <= limits.ttl_max_seconds:
        raise StorageError(
            "LIMIT_EXCEEDED",
            f"ttlSeconds must be from {limits.ttl_min_seconds} to {limits.ttl_max_seconds}.",
            details={"attempted": seconds},
        )


def encode_value(value: Any) -> bytes:
    """A value as compact JSON in UTF-8. Raises StorageError (`VALIDATION_FAILED`) for what not every database can hold."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise StorageError(
            "VALIDATION_FAILED", "A value may not contain unpaired surrogates.", hint="Store such data as base64 text."
        ) from error
    except RecursionError:
        raise _nested_too_deep() from None
    # Nearly all values need no look at their parts: so few brackets cannot nest too deep, and only an escaped NUL can be a NUL.
    if encoded.count(b"[") + encoded.count(b"{") > DEPTH_MAX or b"\\u0000" in encoded:
        _check_parts(value)
    return encoded


def _check_parts(value: Any) -> None:
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise _nested_too_deep()
        if isinstance(item, dict):
            waiting.extend((key, depth) for key in item)
            waiting.extend((part, depth + 1) for part in item.values())
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)
        elif isinstance(item, str) and "\x00" in item:
            raise StorageError("VALIDATION_FAILED", "A value may not contain the character NUL.", hint="Store such data as base64 text.")


def _nested_too_deep() -> StorageError:
    return StorageError("VALIDATION_FAILED", f"A value is nested at most {DEPTH_MAX} levels deep.")


def encode_checked(value: Any, metadata: Any, limits: StorageLimits) -> tuple[bytes, bytes]:
    """A value and its metadata as JSON.

    Raises StorageError: `LIMIT_EXCEEDED` when either is too large, `VALIDATION_FAILED` when metadata is not an object.
    """
    if not isinstance(metadata, dict):
        raise StorageError("VALIDATION_FAILED", "metadata must be a JSON object.")
    encoded, encoded_metadata = encode_value(value), encode_value(metadata)
    _check_size("A value has", len(encoded), limits.value_bytes)
    _check_size("Metadata has", len(encoded_metadata), limits.metadata_bytes)
    return encoded, encoded_metadata


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise StorageError("LIMIT_EXCEEDED", f"{what} at most {limit} bytes.", details={"limit": limit, "attempted": size})


def encode_cursor(last_key: str) -> str:
    """The cursor of the page after `last_key`: base64url, without padding, of `{"key": last_key}`."""
    return base64.urlsafe_b64encode(msgspec.json.encode({"key": last_key})).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The last key of the previous page. Raises StorageError (`VALIDATION_FAILED`) for anything `encode_cursor` did not make."""
    try:
        content = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        key = content["key"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "VALIDATION_FAILED", "The cursor is not one that list returned.", hint="Start again without a cursor."
        ) from error
    if not isinstance(key, str) or len(key) > KEY_LENGTH or "\x00" in key:
        raise StorageError("VALIDATION_FAILED", "The cursor is not one that list returned.", hint="Start again without a cursor.")
    return key
