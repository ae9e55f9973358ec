"""What a published version requests: shown before it is installed."""

from __future__ import annotations

from holdfast.records.database.database import Database
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.models.visibility import description, display_name
from holdfast.registry.publishing.results import Publication
from holdfast.registry.publishing.signature_check import signing_key_id
from holdfast.registry.publishing.versions import require_extension, resolve_version


async def read_publication(db: Database, *, tenant_id: str, extension: str, version: str | None) -> Publication:
    """The version that a tenant means: `1.2.3`, the highest of `1.2.*`, or None for the newest; see `resolve_version`.

    Raises RegistryError (`extension_not_found`, `ambiguous_extension`, `version_not_found`, `version_yanked`).
    """
    async with db.session() as session:
        registry = await require_extension(session, tenant_id, extension)
        found = await resolve_version(session, registry.id, version, tenant_id=tenant_id)
        bundle = await active_bundle(session, found.id)
        return Publication(
            registry_id=registry.id,
            version_id=found.id,
            publisher=registry.publisher,
            name=registry.name,
            display_name=display_name(registry, found),
            description=description(registry, found),
            version=found.version,
            content_hash=None if bundle is None else bundle.content_hash,
            size_bytes=None if bundle is None else bundle.size_bytes,
            signing_key_id=None if bundle is None else signing_key_id(bundle.signature),
            capabilities=sorted(found.capabilities),
            egress=list(found.egress),
            settings=(found.manifest or {}).get("settings"),
        )
