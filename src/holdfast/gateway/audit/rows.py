"""The rows of the audit log, and the statements that write them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, insert, or_, update

from holdfast.records.database.prepared import Prepared
from holdfast.registry.models.installs import ExtensionExecutionLog

Status = Literal["ok", "upstream_error", "error", "timeout", "policy_denied"]
CUT_OFF = "cut_off"
"""The `error` of a call whose process ended before the call did."""

MAX_REQUEST_ID = 255

_LOG = ExtensionExecutionLog

INSERT_START = Prepared(
    insert(_LOG).values(
        id=bindparam("id"),
        tenant_id=bindparam("tenant_id"),
        registry_id=bindparam("registry_id"),
        version_id=bindparam("version_id"),
        request_id=bindparam("request_id"),
        started_at=bindparam("started_at"),
        status="started",
        metrics=bindparam("metrics"),
    )
)

# A call that outlived its deadline by far was taken for cut off; its true end is better.
UPDATE_END = Prepared(
    update(_LOG)
    .where(
        _LOG.id == bindparam("row_id"),
        _LOG.tenant_id == bindparam("of_tenant"),
        or_(_LOG.status == "started", _LOG.error == CUT_OFF),
    )
    .values(
        finished_at=bindparam("finished_at"), status=bindparam("end_status"), error=bindparam("end_error"), metrics=bindparam("end_metrics")
    )
)


@dataclass(slots=True)
class AuditRow:
    """The row of a call that runs. `AuditLog.finish` completes it."""

    row_id: str
    tenant_id: str
    registry_id: str
    started_at: datetime
    metrics: dict[str, Any]
    started: float = field(default_factory=time.perf_counter)


@dataclass(slots=True)
class CallEnd:
    """How a call ended: the parameters of UPDATE_END, and what the statistics need."""

    tenant_id: str
    registry_id: str
    started_at: datetime
    duration_ms: float
    is_error: bool
    parameters: dict[str, Any]
    attempts: int = 0
    """How often writing it failed for a reason that may lie in itself."""
