"""The audit log of calls: who called what, when, and how it ended. Never the content of a call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from sqlalchemy import update

from holdfast.gateway.auth.authorization import Access
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import ExtensionExecutionLog

Status = Literal["ok", "upstream_error", "error", "timeout", "policy_denied"]

_log = structlog.get_logger(__name__)


@dataclass
class AuditRow:
    """A row of a call that runs. `finish_audit` completes it."""

    row_id: str
    metrics: dict[str, Any]
    started: float = field(default_factory=time.monotonic)


async def start_audit(services: Services, access: Access, *, request_id: str, method: str, path: str) -> AuditRow:
    """Records that a call begins. Raises GatewayError (`access_policy_unavailable`) when it cannot: no call without its audit row."""
    identity = access.caller.identity
    row = AuditRow(
        new_id(),
        {
            "method": method,
            "path": path,
            "endpoint_template": access.endpoint.path,
            "principal_kind": access.principal_kind,
            "user_id": identity.user_id,
        },
    )
    try:
        async with services.db.transaction() as session:
            session.add(
                ExtensionExecutionLog(
                    id=row.row_id,
                    tenant_id=identity.tenant_id,
                    registry_id=access.registry_id,
                    version_id=access.version_id,
                    request_id=request_id,
                    started_at=services.now(),
                    status="started",
                    metrics=row.metrics,
                )
            )
    except Exception as error:
        _log.exception("audit_start_failed", request_id=request_id)
        raise GatewayError(
            "access_policy_unavailable", "The call could not be recorded.", hint="Try again; the log has the details."
        ) from error
    return row


async def finish_audit(
    services: Services, tenant_id: str, row: AuditRow, *, status: Status, http_status: int | None, error: str | None
) -> None:
    """Records how the call ended. A failure to record is logged: the call has happened."""
    metrics = {**row.metrics, "http_status": http_status, "duration_ms": round((time.monotonic() - row.started) * 1_000, 1)}
    try:
        async with services.db.transaction() as session:
            await session.execute(
                update(ExtensionExecutionLog)
                .where(ExtensionExecutionLog.id == row.row_id, ExtensionExecutionLog.tenant_id == tenant_id)
                .values(finished_at=services.now(), status=status, error=error, metrics=metrics)
            )
    except Exception:
        _log.exception("audit_end_failed", audit_row=row.row_id)
