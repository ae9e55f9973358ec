"""The rows of the audit log, and the statements that write them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, insert, or_, text, update

from holdfast.records.database.columns import Json
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.registry.models.installs import ExtensionExecutionLog

Status = Literal["ok", "upstream_error", "error", "timeout", "policy_denied"]
CUT_OFF = "cut_off"
"""The `error` of a call whose process ended before the call did."""

MAX_REQUEST_ID = 255

_LOG = ExtensionExecutionLog

_INSERT = Prepared(
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
_UPDATE = Prepared(
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

# Postgres gets a batch as one JSON document: one statement, prepared once, however many rows it has.
_INSERT_DOCUMENT = Prepared(
    text(
        "INSERT INTO extension_execution_log (id, tenant_id, registry_id, version_id, request_id, started_at, status, metrics) "
        "SELECT id, tenant_id, registry_id, version_id, request_id, started_at, 'started', metrics "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (id uuid, tenant_id text, registry_id uuid, version_id uuid, "
        "request_id text, started_at timestamptz, metrics jsonb)"
    ).bindparams(bindparam("rows", type_=Json))
)
# Rows are found by their id alone: `|| ''` keeps other indexes out. Without statistics, after many rows came at once, the planner would
# walk all calls of the tenant for each row.
_UPDATE_DOCUMENT = Prepared(
    text(
        "UPDATE extension_execution_log AS log "
        "SET finished_at = row.finished_at, status = row.end_status, error = row.end_error, metrics = row.end_metrics "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (row_id uuid, of_tenant text, finished_at timestamptz, end_status text, "
        "end_error text, end_metrics jsonb) "
        "WHERE log.id = row.row_id AND log.tenant_id || '' = row.of_tenant AND (log.status || '' = 'started' OR log.error = 'cut_off') "
        "RETURNING CAST(log.id AS text)"
    ).bindparams(bindparam("rows", type_=Json))
)


async def insert_starts(tx: HotTransaction, starts: Sequence[Mapping[str, Any]], *, is_sqlite: bool) -> None:
    """Inserts a row for each of these parameters."""
    if not is_sqlite:
        await tx.execute(_INSERT_DOCUMENT, {"rows": starts})
    elif len(starts) == 1:
        await tx.execute(_INSERT, starts[0])
    elif starts:
        await tx.execute_many(_INSERT, starts)


async def update_ends(tx: HotTransaction, ends: Sequence[CallEnd], *, is_sqlite: bool) -> Sequence[CallEnd]:
    """Completes the rows; returns the ends that are new.

    Postgres may have committed a batch whose confirmation was lost, so it says which rows had no end. On SQLite that is certain.
    """
    if is_sqlite:
        await tx.execute_many(_UPDATE, [end.parameters for end in ends])
        return ends
    changed = {row_id for (row_id,) in await tx.execute(_UPDATE_DOCUMENT, {"rows": [end.parameters for end in ends]})}
    return [end for end in ends if end.parameters["row_id"] in changed]


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
    """How a call ended: the values of its row, and what the statistics need."""

    tenant_id: str
    registry_id: str
    started_at: datetime
    duration_ms: float
    is_error: bool
    parameters: dict[str, Any]
    attempts: int = 0
    """How often writing it failed for a reason that may be the row itself."""
