"""The list of what a tenant has installed."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import select

from holdfast.records.database.database import Database
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle
from holdfast.registry.models.lookups import installs_of
from holdfast.registry.models.visibility import description, display_name
from holdfast.registry.publishing.signature_check import signing_key_id


class InstallSummary(Struct, frozen=True, kw_only=True):
    """One line of a list of installs. `signing_key_id` is the id of the key that signed the bundle, trusted or not."""

    registry_id: str
    version_id: str
    install_id: str
    name: str
    display_name: str
    description: str
    publisher: str
    version: str
    content_hash: str | None
    signing_key_id: str | None
    is_enabled: bool
    granted: list[str]
    egress: list[str]
    app_menu_label: str | None
    client_portal_menu_label: str | None
    updated_at: datetime


async def list_installs(db: Database, tenant_id: str) -> list[InstallSummary]:
    """A tenant's installs, disabled ones too, by publisher and name."""
    async with db.session() as session:
        rows = (await session.execute(installs_of(tenant_id))).all()
        active: dict[str, tuple[str, str | None]] = {}
        bundles = await session.execute(
            select(ExtensionBundle.version_id, ExtensionBundle.content_hash, ExtensionBundle.signature)
            .where(ExtensionBundle.version_id.in_([version.id for _, _, version in rows]))
            .order_by(ExtensionBundle.created_at, ExtensionBundle.content_hash)
        )
        for version_id, content_hash, signature in bundles:
            active[version_id] = content_hash, signature
    summaries = []
    for install, registry, version in rows:
        hooks = (version.ui or {}).get("hooks") or {}
        bundle = active.get(version.id)
        summaries.append(
            InstallSummary(
                registry_id=registry.id,
                version_id=version.id,
                install_id=install.id,
                name=registry.name,
                display_name=display_name(registry, version),
                description=description(registry, version),
                publisher=registry.publisher,
                version=version.version,
                content_hash=None if bundle is None else bundle[0],
                signing_key_id=None if bundle is None else signing_key_id(bundle[1]),
                is_enabled=install.is_enabled and install.status == "enabled",
                granted=list(install.granted_caps),
                egress=list(install.granted_egress),
                app_menu_label=(hooks.get("appMenu") or {}).get("label"),
                client_portal_menu_label=(hooks.get("clientPortalMenu") or {}).get("label"),
                updated_at=install.updated_at,
            )
        )
    return sorted(summaries, key=lambda summary: slug(summary.publisher, summary.name).lower())
