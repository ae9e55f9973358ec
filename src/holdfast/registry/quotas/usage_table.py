"""`extension_quota_usage`: adds what a gateway process counted, and reads what all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from msgspec import Struct
from sqlalchemy import BigInteger, Table, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from holdfast.records.database.columns import Timestamp
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared, Row
from holdfast.registry.models.installs import ExtensionQuotaUsage

_TABLE = cast("Table", ExtensionQuotaUsage.__table__)
# In the order of DAILY.
_COUNTS = (_TABLE.c.invocations, _TABLE.c.cpu_ms, _TABLE.c.fuel, _TABLE.c.egress_bytes)

# ON CONFLICT and RETURNING have the same form on SQLite and Postgres.
_new = insert(_TABLE).values(
    tenant_id=bindparam("tenant_id"),
    registry_id=bindparam("registry_id"),
    window_start=bindparam("day", type_=Timestamp()),
    invocations=bindparam("calls", type_=BigInteger),
    cpu_ms=bindparam("cpu_ms", type_=BigInteger),
    fuel=bindparam("fuel", type_=BigInteger),
    egress_bytes=bindparam("egress_bytes", type_=BigInteger),
    mem_mb_ms=0,
)
_ADD = Prepared(
    _new.on_conflict_do_update(
        index_elements=[_TABLE.c.tenant_id, _TABLE.c.registry_id, _TABLE.c.window_start],
        set_={column.name: column + _new.excluded[column.name] for column in _COUNTS},
    ).returning(*_COUNTS)
)
_READ = Prepared(
    select(*_COUNTS).where(
        _TABLE.c.tenant_id == bindparam("tenant_id"),
        _TABLE.c.registry_id == bindparam("registry_id"),
        _TABLE.c.window_start == bindparam("day", type_=Timestamp()),
    )
)


class Counts(Struct, frozen=True):
    """Amounts of each daily quota."""

    calls: int = 0
    cpu_ms: int = 0
    fuel: int = 0
    egress_bytes: int = 0


class Usage(Struct, frozen=True):
    """What an install used on a day, or a part of it."""

    tenant_id: str
    registry_id: str
    day: datetime
    counts: Counts


async def read_usage(tx: HotTransaction, tenant_id: str, registry_id: str, day: datetime) -> Counts:
    """What the install has used on that day so far."""
    rows = await tx.execute(_READ, {"tenant_id": tenant_id, "registry_id": registry_id, "day": day})
    return _counts(rows[0]) if rows else Counts()


async def add_usage(tx: HotTransaction, parts: Sequence[Usage]) -> list[Counts]:
    """Adds each part to its row. Returns the new amounts of each row."""
    # In one order everywhere: otherwise two processes could wait for each other's rows on Postgres.
    order = sorted(range(len(parts)), key=lambda index: (parts[index].tenant_id, parts[index].registry_id, parts[index].day))
    totals = [Counts()] * len(parts)
    for index in order:
        part, counts = parts[index], parts[index].counts
        rows = await tx.execute(
            _ADD,
            {
                "tenant_id": part.tenant_id,
                "registry_id": part.registry_id,
                "day": part.day,
                "calls": counts.calls,
                "cpu_ms": counts.cpu_ms,
                "fuel": counts.fuel,
                "egress_bytes": counts.egress_bytes,
            },
        )
        totals[index] = _counts(rows[0])
    return totals


def _counts(row: Row) -> Counts:
    return Counts(*(int(value) for value in row))
