"""The ids of the registry: name-based UUIDs, so that installing the same extension twice, anywhere, gives the same ids."""

from __future__ import annotations

import uuid

DEFAULT_PUBLISHER = "local-dev"
_NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def registry_id(publisher: str | None, name: str) -> str:
    """The id of an extension. A missing publisher counts as `local-dev`, here and below."""
    return _named(f"{publisher or DEFAULT_PUBLISHER}/{name}")


def version_id(publisher: str | None, name: str, version: str) -> str:
    """The id of a version of an extension."""
    return _named(f"{publisher or DEFAULT_PUBLISHER}/{name}/{version}")


def bundle_id(publisher: str | None, name: str, version: str, content_hash: str) -> str:
    """The id of a bundle of a version; `content_hash` with its prefix `sha256:`."""
    return _named(f"{publisher or DEFAULT_PUBLISHER}/{name}/{version}/{content_hash}")


def install_id(tenant_id: str, publisher: str | None, name: str) -> str:
    """The id of an extension installed for a tenant."""
    return _named(f"{tenant_id}/{publisher or DEFAULT_PUBLISHER}/{name}")


def slug(publisher: str, name: str) -> str:
    """The written name of an extension: `publisher.name`."""
    return f"{publisher}.{name}"


def _named(text: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, text))
