"""Quotas: counted in memory, written in batches, summed over processes, refused and warned about once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from holdfast.contract.debug_event import DebugEvent
from holdfast.contract.execute import CallUsage
from holdfast.gateway.http.errors import QuotaExceeded
from holdfast.gateway.limits.quotas import InstallQuotas
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import ExtensionQuotaUsage
from holdfast.registry.quotas.kinds import QuotaLimits
from holdfast.settings import Settings
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.waiting import MAX_WAIT_SECONDS, until

EXTENSION = "11111111-aaaa-4aaa-8aaa-111111111111"
OTHER = "22222222-aaaa-4aaa-8aaa-222222222222"
MORNING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
NOTES = "/api/ext/com.example.notes/notes"
NEVER = 1_000_000.0


class Clock:
    now = MORNING

    def __call__(self) -> datetime:
        return self.now


class Events(list[DebugEvent]):
    def publish(self, event: DebugEvent) -> None:
        self.append(event)


def limits(**given: int | None) -> QuotaLimits:
    none: dict[str, int | None] = dict.fromkeys(QuotaLimits.__struct_fields__)
    return QuotaLimits(**(none | given))


class Gateway:
    """The quotas of one gateway process. They are written when a test says so."""

    def __init__(self, db: Database, clock: Clock, interval: float = NEVER, **given: int | None) -> None:
        self.events = Events()
        self.quotas = InstallQuotas(db, limits(**given), self.events, now=clock, interval=interval)

    async def call(self, extension: str = EXTENSION, *, tenant: str = TENANT, **usage: Any) -> bool:
        """Whether a call may run; if so, it runs and uses `usage`."""
        try:
            await self.quotas.start(tenant, extension)
        except QuotaExceeded:
            return False
        self.quotas.add(tenant, extension, CallUsage(**usage))
        return True

    async def calls(self, number: int, **usage: Any) -> int:
        """How many of so many calls could run."""
        return sum([await self.call(**usage) for _ in range(number)])


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def rows(db: Database) -> list[tuple[Any, ...]]:
    """The extension, the day of the month, and the amounts."""
    async with db.session() as session:
        found = (await session.scalars(select(ExtensionQuotaUsage).order_by(ExtensionQuotaUsage.window_start))).all()
    return [(row.registry_id, row.window_start.day, row.invocations, row.cpu_ms, row.fuel, row.egress_bytes) for row in found]


async def test_what_calls_use_is_written_to_one_row_for_each_day(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock)
    await gateway.calls(3, cpu_us=700, fuel=10, egress_bytes=5)
    assert await rows(db) == []
    await gateway.quotas.flush()
    assert await rows(db) == [(EXTENSION, 30, 3, 2, 30, 15)]
    await gateway.calls(1, cpu_us=1_000)
    await gateway.quotas.flush()
    # 2,100 and then 1,000 microseconds: what was below a millisecond was kept.
    assert await rows(db) == [(EXTENSION, 30, 4, 3, 30, 15)]


async def test_a_flush_without_calls_writes_nothing(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock)
    await gateway.calls(1)
    await gateway.quotas.flush()
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM extension_quota_usage"))
    await gateway.quotas.flush()
    assert await rows(db) == []


async def test_the_timer_and_the_end_of_the_gateway_write_too(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock, interval=0.001)
    await gateway.calls(1)
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not await rows(db):
            await asyncio.sleep(0.005)
    gateway = Gateway(db, clock)
    await gateway.calls(1)
    await gateway.quotas.close()
    assert [row[2] for row in await rows(db)] == [2]


@pytest.mark.parametrize(("quota", "usage"), [("cpu_ms", {"cpu_us": 1_000}), ("fuel", {"fuel": 1}), ("egress_bytes", {"egress_bytes": 1})])
async def test_a_call_may_run_while_its_quota_is_not_used_up(db: Database, clock: Clock, quota: str, usage: dict[str, int]) -> None:
    gateway = Gateway(db, clock, **{quota: 3})
    assert await gateway.calls(5, **usage) == 3
    await gateway.quotas.flush()
    assert await gateway.calls(1) == 0


async def test_a_refusal_says_which_quota_and_until_when(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock, calls=2)
    assert await gateway.calls(3) == 2
    with pytest.raises(QuotaExceeded) as refused:
        await gateway.quotas.start(TENANT, EXTENSION)
    assert (refused.value.code, refused.value.status) == ("quota_exceeded", 429)
    assert refused.value.details == {
        "quota": "calls",
        "limit": 2,
        "used": 2,
        "resetsAt": "2026-12-01T00:00:00Z",
        "retryAfterSeconds": 16 * 3_600,
    }
    assert await gateway.call(OTHER)
    assert await gateway.call(EXTENSION, tenant=new_id())


async def test_a_new_day_begins_with_full_quotas_and_the_old_one_keeps_its_calls(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock, calls=2)
    assert await gateway.calls(3) == 2
    clock.now = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(microseconds=1)
    assert await gateway.calls(1) == 0
    clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    assert await gateway.calls(3) == 2
    await gateway.quotas.flush()
    assert [(row[1], row[2]) for row in await rows(db)] == [(30, 2), (1, 2)]


async def test_processes_count_together(db: Database, clock: Clock) -> None:
    first, second = Gateway(db, clock, calls=10), Gateway(db, clock, calls=10)
    assert [await first.calls(4), await second.calls(4)] == [4, 4]
    await first.quotas.flush()
    await second.quotas.flush()
    # The second has written last and knows both; the first knows its own until it writes again.
    assert await second.calls(5) == 2
    await second.quotas.flush()
    assert await first.calls(1) == 1
    await first.quotas.flush()
    assert [await first.calls(1), await second.calls(1)] == [0, 0]
    assert [row[2] for row in await rows(db)] == [11]


async def test_a_process_that_starts_knows_what_was_used_before(db: Database, clock: Clock) -> None:
    before = Gateway(db, clock, calls=10)
    await before.calls(9)
    await before.quotas.close()
    assert await Gateway(db, clock, calls=10).calls(3) == 1


async def test_of_all_processes_one_warns_at_80_percent_and_one_when_it_is_used_up(db: Database, clock: Clock) -> None:
    gateways = [Gateway(db, clock, calls=10) for _ in range(3)]
    with capture_logs() as logged:
        for _ in range(4):
            for gateway in gateways:
                await gateway.call()
                await gateway.quotas.flush()
    warnings = [(entry["event"], entry["quota"], entry["used"]) for entry in logged]
    assert warnings == [("quota_nearly_used", "calls", 8), ("quota_used_up", "calls", 10)]
    events = [event for gateway in gateways for event in gateway.events]
    assert sorted(event.message[:44] for event in events) == [
        "100 % of today's quota of calls is used (10 ",
        "80 % of today's quota of calls is used (8 of",
    ]
    assert {(event.tenant_id, event.extension_id, event.level) for event in events} == {(TENANT, EXTENSION, "warn")}


async def test_one_write_that_crosses_both_marks_warns_once(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock, egress_bytes=100)
    await gateway.call(egress_bytes=250)
    with capture_logs() as logged:
        await gateway.quotas.flush()
        await gateway.quotas.flush()
    assert [entry["event"] for entry in logged] == ["quota_used_up"]


async def test_what_cannot_be_written_stays_and_is_written_later(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock, interval=0.001, calls=6)
    await gateway.calls(1)
    await gateway.quotas.flush()
    async with db.transaction() as session:
        await session.execute(text("ALTER TABLE extension_quota_usage RENAME TO hidden"))
    with capture_logs() as logged:
        assert await gateway.calls(2) == 2
        await until(lambda: logged)
        assert await gateway.calls(1) == 1
        async with db.transaction() as session:
            await session.execute(text("ALTER TABLE hidden RENAME TO extension_quota_usage"))
        await until(lambda: len(logged) == 2)
    assert [entry["event"] for entry in logged] == ["quota_usage_not_written", "quota_usage_written_again"]
    await gateway.quotas.close()
    assert [row[2] for row in await rows(db)] == [4]
    assert await gateway.calls(5) == 2


async def test_the_end_of_a_gateway_says_what_it_could_not_write(db: Database, clock: Clock) -> None:
    gateway = Gateway(db, clock)
    await gateway.calls(2)
    async with db.transaction() as session:
        await session.execute(text("DROP TABLE extension_quota_usage"))
    with capture_logs() as logged:
        await gateway.quotas.close()
    assert [(entry["event"], entry["calls"]) for entry in logged] == [("quota_usage_lost", 2)]


async def test_the_number_of_installs_in_memory_is_bounded_and_none_loses_a_call(db: Database, clock: Clock) -> None:
    quotas = InstallQuotas(db, limits(calls=2), Events(), now=clock, interval=NEVER, max_installs=3)
    extensions = [new_id() for _ in range(8)]
    for extension in extensions:
        await quotas.start(TENANT, extension)
        await quotas.flush()
    assert len(quotas) == 3
    for extension in extensions:
        await quotas.start(TENANT, extension)
        with pytest.raises(QuotaExceeded):
            await quotas.start(TENANT, extension)


def test_development_has_no_quota_and_production_has_high_ones() -> None:
    development = QuotaLimits.from_settings(Settings(environment="development", _env_file=None), storage_bytes=7)
    assert development == limits(storage_bytes=7)
    production = QuotaLimits.from_settings(Settings(environment="production", _env_file=None), storage_bytes=7)
    assert production == limits(storage_bytes=7, calls=5_000_000, egress_bytes=100 * 1024**3)
    off = Settings(environment="production", quota_calls=0, quota_egress_bytes=0, quota_fuel=9, _env_file=None)
    assert QuotaLimits.from_settings(off, storage_bytes=7) == limits(storage_bytes=7, fuel=9)


async def test_the_gateway_refuses_calls_and_shows_what_is_used(tmp_path: Path, database_url: str) -> None:
    async with running_platform(tmp_path, database_url=database_url, quota_calls=2, quota_egress_bytes=1_000) as platform:
        admin = await platform.admin()
        platform.respond_with(b"", usage={"cpu_us": 1_500, "egress_bytes": 900})
        assert (await platform.http.get(NOTES, headers=admin)).status_code == 200
        assert platform.runner.requests[-1].headers.count(("x-holdfast-usage", "1")) == 1
        platform.fail("trap")
        assert (await platform.http.post(NOTES, headers=admin)).status_code == 502
        refused = await platform.http.get(NOTES, headers=admin)
        assert (refused.status_code, refused.json()["error"], refused.json()["details"]["quota"]) == (429, "quota_exceeded", "calls")
        assert 1 <= int(refused.headers["retry-after"]) <= 24 * 3_600
        assert len(await platform.log()) == 2
        shown = (await platform.http.get("/api/v1/extensions/com.example.notes/quotas", headers=admin)).json()
        uses = {use["quota"]: (use["used"], use["limit"], use["state"]) for use in shown["quotas"][0]["quotas"]}
        assert uses == {
            "calls": (2, 2, "exceeded"),
            "cpu_ms": (1, None, "ok"),
            "fuel": (0, None, "ok"),
            "egress_bytes": (900, 1_000, "warning"),
            "storage_bytes": (0, 268_435_456, "ok"),
        }
        assert (await platform.http.get("/api/v1/quotas", headers=admin)).json() == shown
        await platform.services.close_limits()


async def test_a_tenant_sees_its_own_installs_only(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        other = await platform.key_of(await add_user(platform.db, "o@example.com", tenant_id=OTHER_TENANT, admin=True))
        assert (await platform.http.get("/api/v1/quotas", headers=other)).json() == {"quotas": []}
        response = await platform.http.get("/api/v1/extensions/com.example.notes/quotas", headers=other)
        assert response.status_code == 404
