"""The query of a tenant's installs, and its rows as summaries.

It is SQL text because two drivers run it: SQLAlchemy for every service, and sqlite3 alone for `holdfast list`, which must answer before
SQLAlchemy is even imported. This module therefore imports neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.registry.installs.results import InstallSummary

INSTALLS_OF_TENANT = """
SELECT r.id AS registry_id, v.id AS version_id, i.id AS install_id, r.name, r.display_name, r.description, r.publisher, v.version,
       b.content_hash, b.signature, i.is_enabled, i.status, i.granted_caps, i.granted_egress, v.ui, v.private_tenant, v.manifest,
       i.updated_at
FROM tenant_extension_install i
JOIN extension_registry r ON r.id = i.registry_id
JOIN extension_version v ON v.id = i.version_id
LEFT JOIN extension_bundle b ON b.id = (
    SELECT active.id FROM extension_bundle active WHERE active.version_id = v.id
    ORDER BY active.created_at DESC, active.content_hash DESC LIMIT 1
)
WHERE i.tenant_id = :tenant
"""

JSON_COLUMNS = ("granted_caps", "granted_egress", "ui", "manifest")
TIMESTAMP_COLUMNS = ("updated_at",)


def summaries_of(rows: Iterable[Mapping[str, Any]]) -> list[InstallSummary]:
    """The summaries of rows of the query, by publisher and name. JSON columns are decoded, and timestamps are aware datetimes."""
    return sorted(map(_summary_of, rows), key=lambda summary: f"{summary.publisher}.{summary.name}".lower())


def _summary_of(row: Mapping[str, Any]) -> InstallSummary:
    hooks = (row["ui"] or {}).get("hooks") or {}
    name, description = row["display_name"], row["description"]
    if row["private_tenant"] is not None and row["manifest"] is not None:
        # As in `models/visibility.py`: the extension's row may describe another tenant's version.
        name, description = row["manifest"].get("displayName"), row["manifest"].get("description")
    return InstallSummary(
        registry_id=row["registry_id"],
        version_id=row["version_id"],
        install_id=row["install_id"],
        name=row["name"],
        display_name=str(name or row["name"]),
        description=description or "",
        publisher=row["publisher"],
        version=row["version"],
        content_hash=row["content_hash"],
        signing_key_id=_key_id(row["signature"]),
        is_enabled=bool(row["is_enabled"]) and row["status"] == "enabled",
        granted=list(row["granted_caps"]),
        egress=list(row["granted_egress"]),
        app_menu_label=(hooks.get("appMenu") or {}).get("label"),
        client_portal_menu_label=(hooks.get("clientPortalMenu") or {}).get("label"),
        updated_at=row["updated_at"],
    )


def _key_id(signature: str | None) -> str | None:
    if signature is None:
        return None
    # Most development installs are unsigned, and this import loads a cryptography library.
    from holdfast.registry.publishing.signature_check import signing_key_id

    return signing_key_id(signature)
