"""Storage behaves like a dictionary that knows about revisions, expiry and quotas, whatever happens in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from holdfast.errors import HoldfastError
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.storage.expiry import remove_expired, sweep_expired
from holdfast.storage.limits import StorageLimits
from holdfast.storage.records import InstallKey, Record, Write
from holdfast.storage.service import ExtensionStorage
from tests.records.databases import TENANT, Clock
from tests.session.effort import repetitions
from tests.storage.stores import counted, counts, usage

LIMITS = StorageLimits(namespaces=2, keys_per_namespace=3, total_bytes=60)

namespaces = st.sampled_from(["a", "b", "c"])
keys = st.sampled_from(["k", "l", "é", "k1", "\U0001f600"])
values = st.sampled_from([None, 1, "four", "x" * 30, {"a": [1]}])
ttls = st.sampled_from([None, None, 60, 120])
revisions = st.sampled_from([None, None, None, 0, 1, 2])
writes = st.builds(Write, key=keys, value=values, ttl_seconds=ttls, if_revision=revisions)


@dataclass
class Stored:
    value: Any
    size: int
    revision: int
    created_at: datetime
    expires: datetime | None


class Refused(Exception):
    """Raised by the model; its text is the code."""


class Model:
    """What one install stores. Nothing in here has expired."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Stored] = {}

    def forget(self, now: datetime) -> None:
        self.records = {place: one for place, one in self.records.items() if one.expires is None or one.expires > now}

    def put(self, namespace: str, items: list[Write], now: datetime) -> list[int]:
        records = dict(self.records)
        for write in items:
            before = records.get((namespace, write.key))
            revision = 0 if before is None else before.revision
            if write.if_revision not in (None, revision):
                raise Refused("REVISION_MISMATCH")
            records[namespace, write.key] = Stored(
                write.value,
                len(msgspec.json.encode(write.value)) + 2,
                revision + 1,
                now if before is None else before.created_at,
                None if write.ttl_seconds is None else now + timedelta(seconds=write.ttl_seconds),
            )
            in_namespace = sum(place[0] == namespace for place in records)
            if before is None and in_namespace > LIMITS.keys_per_namespace:
                raise Refused("QUOTA_EXCEEDED")
            if before is None and len({place[0] for place in records}) > LIMITS.namespaces:
                raise Refused("QUOTA_EXCEEDED")
        if sum(one.size for one in records.values()) > LIMITS.total_bytes:
            raise Refused("QUOTA_EXCEEDED")
        self.records = records
        return [records[namespace, write.key].revision for write in items]

    def delete(self, namespace: str, key: str, if_revision: int | None) -> bool:
        before = self.records.get((namespace, key))
        if before is None:
            return False
        if if_revision not in (None, before.revision):
            raise Refused("REVISION_MISMATCH")
        del self.records[namespace, key]
        return True


class Storage(RuleBasedStateMachine):
    """One install against its model. After each step, both list the same records, and the counters are those of the table."""

    db: ClassVar[Database]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.model, self.install = Clock(), Model(), InstallKey(TENANT, new_id())
        self.store = ExtensionStorage(self.db, limits=LIMITS, now=self.clock).of(*self.install)

    def run(self, work: Awaitable[Any]) -> Any:
        async def outcome() -> Any:
            try:
                return await work
            except HoldfastError as error:
                return error.code

        return self.runner.run(outcome())

    @contextmanager
    def expecting(self) -> Iterator[list[Any]]:
        """The block appends what the model gives; a refusal is its code."""
        expected: list[Any] = []
        try:
            yield expected
        except Refused as refused:
            expected.append(str(refused))

    @rule(namespace=namespaces, write=writes)
    def put(self, namespace: str, write: Write) -> None:
        with self.expecting() as expected:
            expected.append(self.model.put(namespace, [write], self.clock()))
        found = self.run(self.store.put(namespace, write))
        assert ([found.revision] if isinstance(found, Record) else found) == expected[0]

    @rule(namespace=namespaces, items=st.lists(writes, min_size=1, max_size=3, unique_by=lambda write: write.key))
    def bulk_put(self, namespace: str, items: list[Write]) -> None:
        with self.expecting() as expected:
            expected.append(self.model.put(namespace, items, self.clock()))
        found = self.run(self.store.bulk_put(namespace, items))
        assert ([record.revision for record in found] if isinstance(found, list) else found) == expected[0]

    @rule(namespace=namespaces, items=st.lists(writes, min_size=2, max_size=6))
    def put_at_once(self, namespace: str, items: list[Write]) -> None:
        """Writes that wait together are made in their order; each that fails is as if it had not been sent."""
        expected: list[Any] = []
        for write in items:
            with self.expecting() as one:
                one.append(self.model.put(namespace, [write], self.clock()))
            expected += one

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(self.store.put(namespace, write) for write in items), return_exceptions=True)

        found = self.run(all_at_once())
        assert [[one.revision] if isinstance(one, Record) else one.code for one in found] == expected

    @rule(namespace=namespaces, key=keys, if_revision=revisions)
    def delete(self, namespace: str, key: str, if_revision: int | None) -> None:
        with self.expecting() as expected:
            expected.append(self.model.delete(namespace, key, if_revision))
        assert self.run(self.store.delete(namespace, key, if_revision=if_revision)) == expected[0]

    @rule(namespace=namespaces, key=keys, if_revision=revisions)
    def get(self, namespace: str, key: str, if_revision: int | None) -> None:
        stored = self.model.records.get((namespace, key))
        found = self.run(self.store.get(namespace, key, if_revision=if_revision))
        if stored is None:
            assert found == "NOT_FOUND"
        elif if_revision not in (None, stored.revision):
            assert found == "REVISION_MISMATCH"
        else:
            assert (found.value, found.revision, found.created_at) == (stored.value, stored.revision, stored.created_at)

    @rule(seconds=st.sampled_from([1, 59, 60, 61]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.model.forget(self.clock())

    @rule()
    def sweep(self) -> None:
        self.run(sweep_expired(self.db, now=self.clock, pause_seconds=0))

    @rule()
    def sweep_one(self) -> None:
        self.run(remove_expired(self.db, self.install, self.clock(), count=1))

    @invariant()
    def both_list_the_same(self) -> None:
        for namespace in ("a", "b", "c"):
            expected = [
                (key, one.value, one.revision)
                for (owner, key), one in sorted(self.model.records.items(), key=itemgetter(0))
                if owner == namespace
            ]
            found, cursor = [], None
            while True:
                page = self.run(self.store.list_records(namespace, limit=2, cursor=cursor))
                found += [(record.key, record.value, record.revision) for record in page.records]
                if (cursor := page.next_cursor) is None:
                    break
            assert found == expected

    @invariant()
    def the_counters_are_those_of_the_table(self) -> None:
        totals, by_namespace = self.run(counted(self.db, self.install.install_id))
        assert self.run(counts(self.db, self.install.install_id)) == by_namespace
        if by_namespace:
            assert self.run(usage(self.db, self.install.install_id)) == totals


def test_storage_does_what_its_model_does(database_url: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        Storage.runner, Storage.db = runner, Database(database_url)
        try:
            run_state_machine_as_test(
                Storage, settings=settings(max_examples=repetitions(15, long=500), stateful_step_count=20, deadline=None)
            )
        finally:
            runner.run(Storage.db.close())
