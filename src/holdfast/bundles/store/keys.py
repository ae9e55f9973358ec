"""Keys of a bundle store: the key of a bundle, and which keys are valid."""

from __future__ import annotations

import re

from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.errors import HoldfastError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", re.ASCII)


class InvalidBundleKey(HoldfastError):
    """Raised when a tenant id, an extension id or a key could name something outside its place in the store."""

    code = "invalid_bundle_key"
    status = 400


def bundle_key(tenant_id: str, extension_id: str, sha256_hex: str) -> str:
    """The key of a bundle: `tenants/{tenant}/extensions/{extension}/sha256/{hex}/bundle.tar.zst`.

    Raises InvalidBundleKey unless both ids are 1 to 128 letters, digits, `.`, `_`, `-`; InvalidContentHash.
    """
    for what, part in (("tenant", tenant_id), ("extension", extension_id)):
        if not _PART.fullmatch(part):
            raise InvalidBundleKey(f"The {what} id must be 1 to 128 letters, digits, '.', '_' or '-'.")
    return f"tenants/{tenant_id}/extensions/{extension_id}/sha256/{normalize_content_hash(sha256_hex)}/bundle.tar.zst"


def is_key(key: str) -> bool:
    """Whether a key consists of segments of letters, digits, `.`, `_` and `-`, separated by `/`; none may begin with `.` or `-`."""
    return all(_SEGMENT.fullmatch(segment) for segment in key.split("/"))


def validate_key(key: str) -> str:
    """Returns the key. Raises InvalidBundleKey when it could name something outside the store."""
    if not is_key(key):
        raise InvalidBundleKey("A key consists of segments of letters, digits, '.', '_' and '-', separated by '/'.")
    return key
