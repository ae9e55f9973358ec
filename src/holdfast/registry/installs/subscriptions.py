"""The subscriptions of an install to events, and the events of its own life that only code can tell: installed and upgraded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.model import Manifest
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import TenantExtensionInstall
from holdfast.registry.models.publishing import ExtensionEventSubscription


async def replace_subscriptions(session: AsyncSession, install: TenantExtensionInstall, manifest: Manifest | None, now: datetime) -> None:
    """Makes the subscriptions of an install those that a manifest declares with an endpoint. The triggers of events read them."""
    declared = {} if manifest is None else {event.topic: event.endpoint for event in manifest.events or () if event.endpoint is not None}
    rows = (await session.scalars(_of(install))).all()
    if {row.topic: row.handler for row in rows} == declared and len(rows) == len(declared):
        return
    await session.execute(delete(ExtensionEventSubscription).where(ExtensionEventSubscription.install_id == install.id))
    session.add_all(
        ExtensionEventSubscription(
            id=new_id(), tenant_id=install.tenant_id, install_id=install.id, topic=topic, handler=endpoint, created_at=now
        )
        for topic, endpoint in declared.items()
    )
    await session.flush()


async def record_install_event(
    session: AsyncSession, install: TenantExtensionInstall, topic: str, data: dict[str, Any], now: datetime
) -> None:
    """Records an event about the install itself, if it subscribes to it."""
    if await session.scalar(_of(install).where(ExtensionEventSubscription.topic == topic).limit(1)) is None:
        return
    session.add(
        ExtensionEvent(
            id=new_id(),
            tenant_id=install.tenant_id,
            install_id=install.id,
            topic=topic,
            subject=f"extension:{install.id}",
            data=data,
            occurred_at=now,
            available_at=now,
        )
    )


def _of(install: TenantExtensionInstall) -> Select[ExtensionEventSubscription]:
    return select(ExtensionEventSubscription).where(
        ExtensionEventSubscription.tenant_id == install.tenant_id, ExtensionEventSubscription.install_id == install.id
    )
