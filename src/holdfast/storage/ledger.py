"""The rows of one install during one write transaction: read when an operation needs them, changed in memory, written back once.

    open ───────► operation ──► operation ──► ... ──► save
    lock the       │    ▲                              only what changed,
    usage row      ▼    │                              each row once
                  Change: all of it is accepted,
                  or an error leaves the ledger as it was

So operations that run together share one lock and one commit, and one that is refused writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

from msgspec import Struct

from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.storage import statements
from holdfast.storage.errors import StorageError
from holdfast.storage.limits import StorageLimits
from holdfast.storage.records import InstallKey, Record

Place = tuple[str, str]
"""A namespace and a key in it."""


class Known(Struct, frozen=True):
    """What the ledger knows of a record that exists, expired or not."""

    revision: int
    size: int
    ttl_expires_at: datetime | None
    created_at: datetime

    def is_expired(self, now: datetime) -> bool:
        return self.ttl_expires_at is not None and self.ttl_expires_at <= now


class Ledger:
    """See the diagram above. `bytes_used`, `keys` and `namespaces` count expired records too, until `remove_expired` deletes them.

    `own_limit` is the most bytes that this install may store when that differs from other installs: 0 is no limit, None the usual one.
    """

    def __init__(self, tx: HotTransaction, install: InstallKey, usage: tuple[Any, ...]) -> None:
        self.bytes_used, self.keys, self.namespaces, self.own_limit, has_schemas = usage
        self.has_schemas = bool(has_schemas)
        self.tx = tx
        self._identity: dict[str, Any] = {"tenant": install.tenant_id, "install": install.install_id}
        self._saved_usage = usage[:3]
        self._known: dict[Place, Known | None] = {}
        self._stored: set[Place] = set()
        self._changed: dict[Place, Record | None] = {}
        self._counts: dict[str, int] = {}
        self._saved_counts: dict[str, int] = {}

    @classmethod
    async def open(cls, tx: HotTransaction, install: InstallKey, now: datetime) -> Ledger:
        """Locks the install's usage row, making it when absent.

        The lock is what makes two first writes of one key happen one after the other: the second then sees the first.
        """
        params = {"tenant": install.tenant_id, "install": install.install_id}
        rows = await tx.execute(statements.LOCK_USAGE, params)
        if not rows:
            await tx.execute(statements.CREATE_USAGE, {**params, "now": now})
            rows = await tx.execute(statements.LOCK_USAGE, params)
        return cls(tx, install, rows[0])

    async def find(self, namespace: str, key: str) -> Known | None:
        """The record as the operations before have left it; None if it does not exist."""
        place = (namespace, key)
        if place in self._known:
            return self._known[place]
        await self._load(namespace, [key])
        return self._known[place]

    async def load(self, places: Iterable[Place]) -> None:
        """Reads the records that `find` will be asked for, many with one statement."""
        keys: dict[str, list[str]] = {}
        for place in dict.fromkeys(places):
            if place not in self._known:
                keys.setdefault(place[0], []).append(place[1])
        for namespace, missing in keys.items():
            for start in range(0, len(missing), statements.FIND_KEYS):
                await self._load(namespace, missing[start : start + statements.FIND_KEYS])

    async def _load(self, namespace: str, keys: list[str]) -> None:
        params = {**self._identity, "namespace": namespace}
        if len(keys) == 1:
            rows = await self.tx.execute(statements.FIND, params | {"key": keys[0]})
        else:
            padded = keys + keys[-1:] * (statements.FIND_KEYS - len(keys))
            rows = await self.tx.execute(statements.FIND_MANY, params | {f"key{number}": key for number, key in enumerate(padded)})
        for key in keys:
            self._known[namespace, key] = None
        for key, *known in rows:
            self._known[namespace, key] = Known(*known)
            self._stored.add((namespace, key))

    async def keys_in(self, namespace: str) -> int:
        """How many keys a namespace has."""
        count = self._counts.get(namespace)
        if count is None:
            rows = await self.tx.execute(statements.COUNT_KEYS, {**self._identity, "namespace": namespace})
            count = self._counts[namespace] = self._saved_counts[namespace] = rows[0][0] if rows else 0
        return count

    async def remove_expired(self, now: datetime, count: int) -> int:
        """Deletes up to `count` expired records, the first that expired first. Returns how many."""
        # What was changed may be among them.
        await self.save(now)
        deleted = await self.tx.execute(statements.DELETE_EXPIRED, {**self._identity, "now": now, "count": count})
        change = Change(self)
        for namespace, removed in Counter(namespace for namespace, *_ in deleted).items():
            await change.remove_keys(namespace, removed)
        change.resize(-sum(size for *_, size in deleted))
        self.accept(change)
        for namespace, key, _ in deleted:
            self._known[namespace, key] = None
            self._stored.discard((namespace, key))
        return len(deleted)

    def accept(self, change: Change) -> None:
        """Makes a change part of the ledger."""
        self.bytes_used, self.keys, self.namespaces = change.bytes_used, change.keys, change.namespaces
        self._counts.update(change.counts)
        self._changed.update(change.records)
        for place, record in change.records.items():
            self._known[place] = None if record is None else _known(record)

    async def save(self, now: datetime) -> None:
        """Writes what changed."""
        await self._save_records()
        for namespace, keys in self._counts.items():
            if keys != self._saved_counts[namespace]:
                await self._save_count(namespace, keys)
        usage = (self.bytes_used, self.keys, self.namespaces)
        if usage != self._saved_usage:
            self._saved_usage = usage
            params = {"bytes": self.bytes_used, "keys": self.keys, "namespaces": self.namespaces, "now": now}
            await self.tx.execute(statements.UPDATE_USAGE, self._identity | params)

    async def _save_records(self) -> None:
        if len(self._changed) == 1:
            for statement, params in self._saves():
                await self.tx.execute(statement, params)
        elif self._changed:
            rows: dict[Prepared, list[dict[str, Any]]] = {}
            for statement, params in self._saves():
                rows.setdefault(statement, []).append(params)
            for statement, many in rows.items():
                await self.tx.execute_many(statement, many)
        self._stored.difference_update(place for place, record in self._changed.items() if record is None)
        self._stored.update(place for place, record in self._changed.items() if record is not None)
        self._changed.clear()

    def _saves(self) -> Iterator[tuple[Prepared, dict[str, Any]]]:
        """A statement, with its parameters, for each record that changed."""
        for place, record in self._changed.items():
            is_stored = place in self._stored
            params = {**self._identity, "namespace": place[0], "key": place[1]}
            if record is not None:
                yield statements.UPDATE if is_stored else statements.INSERT, params | _written(record)
            elif is_stored:
                yield statements.DELETE, params

    async def _save_count(self, namespace: str, keys: int) -> None:
        self._saved_counts[namespace] = keys
        place = {**self._identity, "namespace": namespace}
        if keys > 0:
            await self.tx.execute(statements.SET_COUNT, {**place, "keys": keys})
        else:
            # Without this, an extension that makes and empties namespaces would leave a row for each.
            await self.tx.execute(statements.DELETE_COUNT, place)


class Change:
    """What one operation changes: built up by the operation, accepted by the ledger as a whole."""

    def __init__(self, ledger: Ledger) -> None:
        self.bytes_used, self.keys, self.namespaces = ledger.bytes_used, ledger.keys, ledger.namespaces
        self.records: dict[Place, Record | None] = {}
        self.counts: dict[str, int] = {}
        self._ledger = ledger

    def write(self, record: Record, before: Known | None) -> None:
        """Writes a record in place of `before`. The caller has counted its key if it is new."""
        self.resize(record.value_size + record.metadata_size - (0 if before is None else before.size))
        self.records[record.namespace, record.key] = record

    async def remove(self, namespace: str, key: str, before: Known) -> None:
        """Deletes a record."""
        self.resize(-before.size)
        self.records[namespace, key] = None
        await self.remove_keys(namespace, 1)

    async def add_key(self, namespace: str, limits: StorageLimits) -> None:
        """Counts a key about to be added. Raises StorageError (`QUOTA_EXCEEDED`) when its namespace or the install is full."""
        keys = await self._keys_in(namespace) + 1
        if keys > limits.keys_per_namespace:
            _raise_quota_exceeded(f"A namespace holds at most {limits.keys_per_namespace} keys.", limits.keys_per_namespace, keys)
        if keys == 1:
            self.namespaces += 1
            if self.namespaces > limits.namespaces:
                _raise_quota_exceeded(f"An install has at most {limits.namespaces} namespaces.", limits.namespaces, self.namespaces)
        self.keys += 1
        self.counts[namespace] = keys

    async def remove_keys(self, namespace: str, count: int) -> None:
        """Counts keys that are removed."""
        keys = await self._keys_in(namespace)
        self.keys = max(self.keys - count, 0)
        self.counts[namespace] = max(keys - count, 0)
        if 0 < keys <= count:
            self.namespaces -= 1

    def check_total(self, limits: StorageLimits) -> None:
        """Raises StorageError (`QUOTA_EXCEEDED`) when the install would hold more bytes than allowed."""
        own = self._ledger.own_limit
        limit = limits.total_bytes if own is None else own
        # 0 is no limit, for limits that an install has of its own.
        if self.bytes_used > limit and own != 0:
            _raise_quota_exceeded(f"An install stores at most {limit} bytes.", limit, self.bytes_used)

    def resize(self, size: int) -> None:
        """Counts bytes that are added, or removed if negative."""
        # Records that another program inserted were never counted, so they must not be subtracted from the others.
        self.bytes_used = max(self.bytes_used + size, 0)

    async def _keys_in(self, namespace: str) -> int:
        count = self.counts.get(namespace)
        return await self._ledger.keys_in(namespace) if count is None else count


def _known(record: Record) -> Known:
    return Known(record.revision, record.value_size + record.metadata_size, record.ttl_expires_at, record.created_at)


def _written(record: Record) -> dict[str, Any]:
    return {
        "revision": record.revision,
        "value": record.value_json,
        "metadata": record.metadata_json,
        "value_size": record.value_size,
        "metadata_size": record.metadata_size,
        "expires": record.ttl_expires_at,
        "created": record.created_at,
        "updated": record.updated_at,
    }


def _raise_quota_exceeded(message: str, limit: int, attempted: int) -> NoReturn:
    raise StorageError(
        "QUOTA_EXCEEDED", message, hint="Delete records that are no longer needed.", details={"limit": limit, "attempted": attempted}
    )
