"""The ids of the registry: name-based UUIDs. Installing the same extension twice, anywhere, results in the same ids."""

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


def private_version_id(tenant_id: str, publisher: str | None, name: str, version: str) -> str:
    """The id of a version that is private to a tenant, other than the development tenant."""
    return _named(f"private/{tenant_id}/{publisher or DEFAULT_PUBLISHER}/{name}/{version}")


def private_bundle_id(tenant_id: str, publisher: str | None, name: str, version: str, content_hash: str) -> str:
    """The id of a bundle of such a version; `content_hash` with its prefix `sha256:`."""
    return _named(f"private/{tenant_id}/{publisher or DEFAULT_PUBLISHER}/{name}/{version}/{content_hash}")


def private_version_key(version: str, tenant_id: str) -> str:
    """What the column `version` holds for a private version where another version of the extension has the plain number."""
    return f"{version}{private_suffix(tenant_id)}"


def private_suffix(tenant_id: str) -> str:
    """What `private_version_key` appends."""
    return f"+private.{tenant_id}"


def slug(publisher: str, name: str) -> str:
    """The written name of an extension: `publisher.name`."""
    return f"{publisher}.{name}"


def _named(text: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, text))
