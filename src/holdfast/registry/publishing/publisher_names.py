"""Whose a publisher's name is. It belongs to the tenant that first publishes under it, whatever its letter case.

When that first publish is signed by a trusted key, the name belongs to the key too: then either may publish. So a publisher that signs
reaches its readers through any tenant, and one that does not is safe from its neighbours. A key that signs later gains nothing: otherwise
the first signature that a tenant lets through would hand over its name. What is installed for development claims no name.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.verification import SignatureStatus
from holdfast.registry.errors import PublisherTaken
from holdfast.registry.models.publishing import ExtensionPublisher

_LONGEST = 255


async def check_publisher(session: AsyncSession, publisher: str, *, tenant_id: str, verdict: SignatureStatus) -> bool:
    """Whether the name has an owner already, who is the tenant or the key of the verdict. Raises PublisherTaken when it is another."""
    owner = await _owner(session, publisher)
    if owner is None:
        return False
    by_key = verdict.state == "signed" and verdict.key_id is not None and verdict.key_id == owner.signing_key_id
    if owner.tenant_id != tenant_id and not by_key:
        raise PublisherTaken(
            f"The publisher's name {publisher} belongs to another tenant.",
            hint="Publish under a name of your own (`publisher` in the manifest), or sign the bundle with the key that owns the name.",
        )
    return True


async def claim_publisher(session: AsyncSession, publisher: str, *, tenant_id: str, verdict: SignatureStatus, now: datetime) -> None:
    """Makes sure, inside a writing transaction, that the tenant may publish under the name; the name becomes its own if it is nobody's.

    Raises PublisherTaken; IntegrityError when two claim a name at once, and the whole transaction is to be tried again.
    """
    if not await check_publisher(session, publisher, tenant_id=tenant_id, verdict=verdict):
        key_id = verdict.key_id if verdict.state == "signed" else None
        session.add(ExtensionPublisher(publisher=_written(publisher), tenant_id=tenant_id, signing_key_id=key_id, created_at=now))
        await session.flush()


async def require_owner(session: AsyncSession, publisher: str, *, tenant_id: str) -> None:
    """Raises PublisherTaken unless the name is the tenant's own: what it has is withdrawn by nobody else, not even by who has its key."""
    owner = await _owner(session, publisher)
    if owner is None or owner.tenant_id != tenant_id:
        raise PublisherTaken(
            f"The publisher's name {publisher} does not belong to this tenant.",
            hint="Only the tenant that first published under a name may do this.",
        )


async def _owner(session: AsyncSession, publisher: str) -> ExtensionPublisher | None:
    return await session.get(ExtensionPublisher, _written(publisher))


def _written(publisher: str) -> str:
    # In lower case a name can be longer than it was. Cut, it is at worst somebody else's.
    return publisher.strip().lower()[:_LONGEST]
