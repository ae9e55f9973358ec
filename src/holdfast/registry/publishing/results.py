"""What publishing returns: plain data, which commands on a server import without the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from holdfast.bundles.signing.status import SignatureStatus


class Published(Struct, frozen=True, kw_only=True):
    """What was published. `version` is the one that `X.Y.*` became; `content_hash` is `sha256:` and 64 hexadecimal digits.

    `key` is the archive's place in the store, from which it is copied to each tenant that installs it.
    """

    registry_id: str
    version_id: str
    publisher: str
    name: str
    display_name: str
    version: str
    content_hash: str
    size_bytes: int
    capabilities: list[str]
    egress: list[str]
    key: str
    verdict: SignatureStatus


class Publication(Struct, frozen=True, kw_only=True):
    """A published version. `content_hash` (`sha256:…`), `size_bytes` and `signing_key_id` are of the active bundle; the
    key may be untrusted. `settings` is that part of its manifest, a JSON Schema or a list."""

    registry_id: str
    version_id: str
    publisher: str
    name: str
    display_name: str
    description: str
    version: str
    content_hash: str | None
    size_bytes: int | None
    signing_key_id: str | None
    capabilities: list[str]
    egress: list[str]
    settings: Any


class VersionSummary(Struct, frozen=True, kw_only=True):
    """One line of a list of versions. `content_hash` (`sha256:…`), `size_bytes` and `signing_key_id` are of the bundle in use.

    `installed`: the tenant has this version. `private`: only the tenant can see it; a public version may have the same number. The signing
    key may be untrusted.
    """

    version_id: str
    version: str
    published_at: datetime
    content_hash: str | None
    size_bytes: int | None
    installed: bool
    private: bool
    yanked: bool
    yanked_reason: str | None
    capabilities: list[str]
    egress: list[str]
    signing_key_id: str | None
