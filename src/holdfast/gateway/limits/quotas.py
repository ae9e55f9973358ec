"""Counts what installs use in memory, writes it in batches, and refuses calls of an install whose quota is used up.

    start ─ first call of a day ─► read the row ─┐
      │                                          ▼
      └────────────────────────────► limit reached? ─ yes ─► QuotaExceeded
                                                 │ no
                                                 ▼
                          count the call; add the rest when it ends ─► timer, unless one runs
                                                                         │ after `interval`
          pending += …   ◄── failed: stays pending, next timer ── write all that is pending in one transaction
                                                                         │ written
                                       total = the row, with what other processes wrote; pending -= what was written

What is pending counts for this process at once, and for the others after their next write. So an install exceeds a quota of calls by at
most what the other processes start in one interval, and a quota of what calls use also by the calls that run when it is reached. A killed
process loses what it counted in its last interval. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime

import structlog

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.contract.execute import CallUsage
from holdfast.events.model.event import EventSink, notice
from holdfast.gateway.http.errors import QuotaExceeded
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.registry.quotas.kinds import DAILY, NO_OVERRIDES, QuotaLimits, QuotaOverrides, day_of, next_day, warn_at
from holdfast.registry.quotas.usage_table import Counts, Usage, add_usage, read_usage

FLUSH_SECONDS = 1.0
BATCH = 500
MAX_INSTALLS = 20_000

_log = structlog.get_logger(__name__)

_Key = tuple[str, str]
_Limits = list[tuple[str, int]]


class _Day:
    """What one install has used on one day: in the database when it was last read or written, and counted here since."""

    __slots__ = ("calls", "cpu_us", "day", "egress_bytes", "ends", "fuel", "key", "limits", "overrides", "total")

    def __init__(self, key: _Key, day: datetime, total: Counts, limits: _Limits) -> None:
        self.key = key
        self.day = day
        self.ends = next_day(day)
        self.total = total
        self.overrides = NO_OVERRIDES
        self.limits = limits
        self.calls = self.cpu_us = self.fuel = self.egress_bytes = 0

    def pending(self) -> Counts:
        return Counts(self.calls, self.cpu_us // 1_000, self.fuel, self.egress_bytes)

    def written(self, part: Counts, total: Counts) -> None:
        self.calls -= part.calls
        self.cpu_us -= part.cpu_ms * 1_000
        self.fuel -= part.fuel
        self.egress_bytes -= part.egress_bytes
        self.total = total


class InstallQuotas:
    """The quotas of all installs, for one gateway process. `close` it to write what is pending."""

    def __init__(
        self,
        db: Database,
        limits: QuotaLimits,
        events: EventSink,
        *,
        now: Callable[[], datetime] = utc_now,
        interval: float = FLUSH_SECONDS,
        max_installs: int = MAX_INSTALLS,
    ) -> None:
        """Warnings go to the debug stream of the install. `interval` is the seconds between a call and the write that has it."""
        self._db = db
        self._limits = limits
        self._daily = _daily(limits)
        self._events = events
        self._now = now
        self._interval = interval
        self._max_installs = max_installs
        self._days: dict[_Key, _Day] = {}
        # Days that ended with something pending.
        self._ended: list[_Day] = []
        self._loads: SingleFlight[_Key, _Day] = SingleFlight("read quota usage")
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False

    def __len__(self) -> int:
        """The number of installs in memory."""
        return len(self._days)

    async def start(self, tenant_id: str, registry_id: str, overrides: QuotaOverrides = NO_OVERRIDES) -> None:
        """Counts a call that is about to run. `overrides` are the limits that the install has of its own, as of now.

        Raises QuotaExceeded; on the first call of a day also errors of the database.
        """
        now = self._now()
        key = tenant_id, registry_id
        day = self._days.get(key)
        if day is None or now >= day.ends:
            # Kept again if it was forgotten while other callers waited: what is counted must be in one place.
            day = self._days.setdefault(key, await self._loads.run(key, lambda: self._load(key, now)))
        if day.overrides is not overrides:
            day.overrides = overrides
            day.limits = _daily(self._limits.replaced_by(overrides))
        if day.limits:
            self._check(day, now)
        day.calls += 1
        if self._timer is None:
            self._start_timer()

    def add(self, tenant_id: str, registry_id: str, usage: CallUsage) -> None:
        """Adds what a call used, on the day when it ends."""
        day = self._days.get((tenant_id, registry_id))
        # The call itself was counted, so the timer of its day runs or has run.
        if day is not None:
            day.cpu_us += usage.cpu_us
            day.fuel += usage.fuel or 0
            day.egress_bytes += usage.egress_bytes
            if self._timer is None:
                self._start_timer()

    async def flush(self) -> None:
        """Writes what is pending. Raises errors of the database; it then stays pending."""
        async with self._flushing:
            waiting = [day for day in self._all_days() if day.pending() != _NOTHING]
            for begin in range(0, len(waiting), BATCH):
                await self._write(waiting[begin : begin + BATCH])
            self._ended = [day for day in self._ended if day.pending() != _NOTHING]
            self._forget()

    async def close(self) -> None:
        """Writes what is pending; logs what it cannot write."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait({self._task})
        try:
            await self.flush()
        except Exception as error:
            calls = sum(day.calls for day in self._all_days())
            _log.warning("quota_usage_lost", calls=calls, reason=type(error).__name__)

    def _all_days(self) -> Iterator[_Day]:
        yield from self._ended
        yield from self._days.values()

    async def _load(self, key: _Key, now: datetime) -> _Day:
        day = day_of(now)

        async def read(tx: HotTransaction) -> Counts:
            return await read_usage(tx, *key, day)

        total = await self._db.read(read)
        old = self._days.get(key)
        if old is not None:
            if old.day >= day:
                return old
            self._ended.append(old)
        loaded = self._days[key] = _Day(key, day, total, self._daily)
        return loaded

    def _check(self, day: _Day, now: datetime) -> None:
        pending = day.pending()
        for quota, limit in day.limits:
            used = getattr(day.total, quota) + getattr(pending, quota)
            if used >= limit:
                raise QuotaExceeded(
                    quota=quota,
                    limit=limit,
                    used=used,
                    resets_at=day.ends,
                    retry_after_seconds=max(1, int((day.ends - now).total_seconds())),
                    hint=f"Call again after midnight UTC, or {_remedy(quota, day.overrides)}.",
                )

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._begin_flush)

    def _begin_flush(self) -> None:
        self._task = asyncio.ensure_future(self._flush_in_background())

    async def _flush_in_background(self) -> None:
        try:
            # What is counted from here on has the next timer.
            self._timer = None
            await self.flush()
            if self._is_failing:
                self._is_failing = False
                _log.info("quota_usage_written_again")
        except Exception as error:
            if not self._is_failing:
                self._is_failing = True
                _log.warning("quota_usage_not_written", reason=type(error).__name__)
            if self._timer is None:
                self._start_timer()

    async def _write(self, days: list[_Day]) -> None:
        parts = [Usage(*day.key, day.day, day.pending()) for day in days]

        async def write(tx: HotTransaction) -> list[Counts]:
            return await add_usage(tx, parts)

        totals = await self._db.write(write)
        for day, part, total in zip(days, parts, totals, strict=True):
            day.written(part.counts, total)
            self._warn(day, part.counts, total)

    def _warn(self, day: _Day, part: Counts, total: Counts) -> None:
        """Warns of each quota that this part brought across a mark. The row's amounts tell, so of all processes exactly one warns."""
        for quota, limit in day.limits:
            after = getattr(total, quota)
            before = after - getattr(part, quota)
            if before < limit <= after:
                self._report(day, quota, after, limit, is_used_up=True)
            elif before < warn_at(limit) <= after:
                self._report(day, quota, after, limit, is_used_up=False)

    def _report(self, day: _Day, quota: str, used: int, limit: int, *, is_used_up: bool) -> None:
        tenant_id, registry_id = day.key
        about = {"tenant": tenant_id, "extension": registry_id, "quota": quota, "used": used, "limit": limit}
        if is_used_up:
            _log.warning("quota_used_up", **about, resets_at=day.ends.isoformat())
        else:
            _log.warning("quota_nearly_used", **about, resets_at=day.ends.isoformat())
        consequence = "Calls are refused" if is_used_up else "At 100 %, calls are refused"
        share = f"{used * 100 // limit} % of today's quota of {quota} is used ({used:,} of {limit:,})."
        self._events.publish(notice(tenant_id, registry_id, f"{share} {consequence} until {day.ends:%H:%M} UTC."))

    def _forget(self) -> None:
        """Drops the installs that were loaded first, above the limit; their next call reads their row again."""
        surplus = len(self._days) - self._max_installs
        if surplus > 0:
            for key in [key for key, day in self._days.items() if day.pending() == _NOTHING and day.cpu_us == 0][:surplus]:
                del self._days[key]


_NOTHING = Counts()


def _daily(limits: QuotaLimits) -> _Limits:
    return [(quota, limit) for quota in DAILY if (limit := getattr(limits, quota)) is not None]


def _remedy(quota: str, overrides: QuotaOverrides) -> str:
    if getattr(overrides, quota) is None:
        return f"raise HOLDFAST_QUOTA_{quota.upper()}"
    return "raise its own limit with `holdfast quotas set`"
