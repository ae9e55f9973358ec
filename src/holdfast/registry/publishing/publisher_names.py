"""Who owns a publisher's name: the tenant that publishes under it first, in any letter case.

When that first publish is signed by a trusted key, the key owns the name too, and either may publish. So a publisher that signs can publish
through any tenant, and one that does not sign is protected from other tenants. A key that signs later gains nothing: otherwise the first
signature that a tenant accepts would transfer its name. Development installs claim no name.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.status import SignatureStatus
from holdfast.registry.errors import RegistryError
from holdfast.registry.models.publishing import ExtensionPublisher

_MAX_LENGTH = 255


async def check_publisher(session: AsyncSession, publisher: str, *, tenant_id: str, verdict: SignatureStatus) -> bool:
    """True when the tenant or the signing key owns the name, False when it has no owner.

    Raises RegistryError (`PUBLISHER_TAKEN`) when another owns it.
    """
    owner = await _owner(session, publisher)
    if owner is None:
        return False
    by_key = verdict.state == "signed" and verdict.key_id is not None and verdict.key_id == owner.signing_key_id
    if owner.tenant_id != tenant_id and not by_key:
        raise RegistryError(
            "PUBLISHER_TAKEN",
            f"The publisher's name {publisher} belongs to another tenant.",
            hint="Publish under a name of your own (`publisher` in the manifest), or sign the bundle with the key that owns the name.",
        )
    return True


async def claim_publisher(session: AsyncSession, publisher: str, *, tenant_id: str, verdict: SignatureStatus, now: datetime) -> None:
    """Claims the name for the tenant if it has no owner, inside a writing transaction.

    Raises RegistryError (`PUBLISHER_TAKEN`); IntegrityError when two transactions claim a name at once; the caller repeats the whole
    transaction.
    """
    if not await check_publisher(session, publisher, tenant_id=tenant_id, verdict=verdict):
        key_id = verdict.key_id if verdict.state == "signed" else None
        session.add(ExtensionPublisher(publisher=_normalise(publisher), tenant_id=tenant_id, signing_key_id=key_id, created_at=now))
        await session.flush()


async def require_owner(session: AsyncSession, publisher: str, *, tenant_id: str) -> None:
    """Raises RegistryError (`PUBLISHER_TAKEN`) unless the tenant owns the name. Owning its key is not enough to yank a version."""
    owner = await _owner(session, publisher)
    if owner is None or owner.tenant_id != tenant_id:
        raise RegistryError(
            "PUBLISHER_TAKEN",
            f"The publisher's name {publisher} does not belong to this tenant.",
            hint="Only the tenant that first published under a name may do this.",
        )


async def _owner(session: AsyncSession, publisher: str) -> ExtensionPublisher | None:
    return await session.get(ExtensionPublisher, _normalise(publisher))


def _normalise(publisher: str) -> str:
    # Lower case can make a name longer. A name that is cut off is at worst another's, and is rejected.
    return publisher.strip().lower()[:_MAX_LENGTH]
