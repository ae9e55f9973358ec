"""Statistics of calls by the minute: written with the ends of calls, read by the console's charts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from holdfast.gateway.audit.rows import CallEnd
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.registry.models.call_log import BUCKETS_MS, ExtensionCallMinute

_MINUTES = ExtensionCallMinute.__table__
_KEY = ("tenant_id", "registry_id", "minute")
_BUCKETS = (*[f"ms_{bound}" for bound in BUCKETS_MS], "slower")
_COUNTS = ("calls", "errors", "duration_ms", *_BUCKETS)


def _upsert(insert: Any) -> Prepared:
    statement = insert(_MINUTES).values({name: bindparam(name) for name in (*_KEY, *_COUNTS)})
    added = {name: _MINUTES.c[name] + statement.excluded[name] for name in _COUNTS}
    return Prepared(statement.on_conflict_do_update(index_elements=list(_KEY), set_=added))


_SQLITE_UPSERT = _upsert(sqlite.insert)
_POSTGRES_UPSERT = _upsert(postgresql.insert)

_BY_EXTENSION = Prepared(
    select(_MINUTES.c.minute, *(_MINUTES.c[name] for name in _COUNTS))
    .where(
        _MINUTES.c.tenant_id == bindparam("tenant"),
        _MINUTES.c.registry_id == bindparam("registry"),
        _MINUTES.c.minute >= bindparam("since"),
        _MINUTES.c.minute < bindparam("until"),
    )
    .order_by(_MINUTES.c.minute)
)


class MinuteCounts:
    """Counts to add to the table, by tenant, extension and minute."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, datetime], dict[str, int]] = {}

    @classmethod
    def of(cls, ends: Iterable[CallEnd]) -> MinuteCounts:
        """The counts of calls that ended."""
        counts = cls()
        for end in ends:
            counts.add(end.tenant_id, end.registry_id, end.started_at, is_error=end.is_error, duration_ms=end.duration_ms)
        return counts

    def add(self, tenant_id: str, registry_id: str, started_at: datetime, *, is_error: bool, duration_ms: float | None) -> None:
        """Counts a call; without a duration it is in no bucket of the histogram."""
        key = tenant_id, registry_id, started_at.replace(second=0, microsecond=0)
        row = self._counts.get(key)
        if row is None:
            row = self._counts[key] = dict.fromkeys(_COUNTS, 0)
        row["calls"] += 1
        row["errors"] += is_error
        if duration_ms is not None:
            row["duration_ms"] += round(duration_ms)
            row[_BUCKETS[bisect_left(BUCKETS_MS, duration_ms)]] += 1

    async def write(self, tx: HotTransaction, *, is_sqlite: bool) -> None:
        """Adds the counts to the table."""
        # In one order, so that two processes of Postgres that update the same rows do not lock each other out.
        rows = [dict(zip(_KEY, key, strict=True)) | counts for key, counts in sorted(self._counts.items())]
        if rows:
            await tx.execute_many(_SQLITE_UPSERT if is_sqlite else _POSTGRES_UPSERT, rows)


@dataclass(frozen=True, slots=True)
class CallMinute:
    """The calls that began in one minute. `buckets` has one count for each of BUCKETS_MS, and one for what was slower."""

    minute: datetime
    calls: int
    errors: int
    duration_ms: int
    buckets: Sequence[int]


async def read_call_minutes(db: Database, tenant_id: str, registry_id: str, *, since: datetime, until: datetime) -> list[CallMinute]:
    """The minutes from `since` to before `until` in which the tenant called the extension, in order."""

    async def job(tx: HotTransaction) -> list[CallMinute]:
        rows = await tx.execute(_BY_EXTENSION, {"tenant": tenant_id, "registry": registry_id, "since": since, "until": until})
        return [CallMinute(minute, calls, errors, duration, buckets) for minute, calls, errors, duration, *buckets in rows]

    return await db.read(job)
