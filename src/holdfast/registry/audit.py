"""What administrators did, as rows of `extension_audit_logs`, written in the transaction of the action."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.registry.actors import Actor
from holdfast.registry.models.publishing import ExtensionAuditLog


def record_audit(
    session: AsyncSession, actor: Actor, event: str, *, resource_id: str, resource_name: str, now: datetime, **details: Any
) -> None:
    """Adds one row: `event` such as `extension.published`, `extension.installed`, `grants.changed`; about an extension (its registry id
    and `publisher.name`). `details` are JSON, never values of settings or secrets."""
    session.add(
        ExtensionAuditLog(
            tenant=actor.tenant_id,
            event_type=event,
            user_id=actor.user_id,
            user_email=actor.email,
            resource_type="extension",
            resource_id=resource_id,
            resource_name=resource_name[:255],
            status="success",
            details=details or None,
            created_at=now,
        )
    )
