"""What an operation costs does not depend on how much is stored: counted in steps of the database, not in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import NO_PARAMS, HotTransaction
from holdfast.records.database.prepared import Prepared, Row
from holdfast.storage import statements
from holdfast.storage.expiry import remove_expired
from holdfast.storage.records import InstallKey, Write
from holdfast.storage.service import ExtensionStorage, StorageService
from tests.records.databases import SQLITE_FILE, TENANT, Clock, migrated_sqlite
from tests.records.postgres import PostgresServer
from tests.storage.stores import INSTALL

FEW, MANY = 200, 100_000
NAMESPACES = 20
KEY = InstallKey(TENANT, INSTALL)
INSTANT = "2026-01-01 00:00:00.000000"

RECORDS = f"""
WITH RECURSIVE numbers(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < {{rows}} - 1)
INSERT INTO ext_storage_records (tenant, extension_install_id, namespace, key, revision, value, metadata, value_size_bytes,
  metadata_size_bytes, ttl_expires_at, created_at, updated_at)
SELECT '{TENANT}', '{INSTALL}', 'n' || (number % {NAMESPACES}), 'k' || number, 1, '1', '{{{{}}}}', 1, 2,
  {{expires}}, '{INSTANT}', '{INSTANT}'
FROM numbers
"""
COUNTS = (
    "INSERT INTO ext_storage_namespaces SELECT tenant, extension_install_id, namespace, count(*) FROM ext_storage_records GROUP BY 1, 2, 3",
    f"INSERT INTO ext_storage_usage SELECT tenant, extension_install_id, sum(keys_count) * 3, sum(keys_count), count(*), '{INSTANT}' "
    "FROM ext_storage_namespaces GROUP BY 1, 2",
)


class CountedDatabase:
    """Jobs on one connection to an SQLite file. `steps` counts the instructions of SQLite's virtual machine, `statements` what ran."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.steps = 0
        self.statements = 0
        self.changed = 0
        self._connection = connection
        connection.set_progress_handler(self._count, 1)

    def _count(self) -> int:
        self.steps += 1
        return 0

    async def read(self, job: Callable[[HotTransaction], Awaitable[Any]], *, one_statement: bool = False) -> Any:
        return await job(self)

    async def write(self, job: Callable[[HotTransaction], Awaitable[Any]]) -> Any:
        return await job(self)

    async def execute(self, statement: Prepared, params: Mapping[str, Any] = NO_PARAMS) -> list[Row]:
        self.statements += 1
        cursor = self._connection.execute(statement.sqlite.sql, statement.sqlite.bind(params))
        return statement.sqlite.rows(cursor.fetchall())

    async def execute_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        self.statements += 1
        self._connection.executemany(statement.sqlite.sql, [statement.sqlite.bind(row) for row in rows])


def filled(folder: Path, rows: int, *, expires: str) -> sqlite3.Connection:
    folder.mkdir()
    migrated_sqlite(folder)
    connection = sqlite3.connect(folder / SQLITE_FILE, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    connection.execute(RECORDS.format(rows=rows, expires=expires))
    for statement in COUNTS:
        connection.execute(statement)
    connection.execute("COMMIT")
    return connection


Operation = Callable[[StorageService], Awaitable[Any]]
OPERATIONS: dict[str, Operation] = {
    "put over a record": lambda store: store.put("n1", Write(key="k1", value="another")),
    "put of a new record": lambda store: store.put("n1", Write(key="new", value="new", ttl_seconds=60)),
    "put into a new namespace": lambda store: store.put("new", Write(key="new", value="new")),
    "bulk put": lambda store: store.bulk_put("n1", [Write(key=f"bulk{number}", value=1) for number in range(20)]),
    "get": lambda store: store.get("n1", "new"),
    "list": lambda store: store.list_records("new", limit=1),
    "delete": lambda store: store.delete("n1", "new"),
    "delete of a namespace": lambda store: store.delete("new", "new"),
    "delete of what is absent": lambda store: store.delete("n1", "absent"),
    "a batch of the sweep": lambda store: remove_expired(store.storage.db, KEY, Clock().instant, count=10),
}


async def costs(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Of each operation the statements and steps."""
    counted = CountedDatabase(connection)
    store = ExtensionStorage(cast(Database, counted), now=Clock()).of(TENANT, INSTALL)
    found = {}
    for name, operation in OPERATIONS.items():
        counted.steps = counted.statements = 0
        await operation(store)
        found[name] = counted.statements, counted.steps
    return found


@pytest.mark.parametrize("expires", ["NULL", "'2025-01-01 00:00:00.000000'"], ids=["lasting", "expired"])
async def test_with_100_000_records_every_operation_takes_the_same_steps_as_with_a_few(tmp_path: Path, expires: str) -> None:
    with closing(filled(tmp_path / "few", FEW, expires=expires)) as few, closing(filled(tmp_path / "many", MANY, expires=expires)) as many:
        small, large = await costs(few), await costs(many)
    for name, (statements_run, steps) in small.items():
        assert large[name][0] == statements_run, name
        # A seek is one step at any depth; a few more, because pages are full or not.
        assert large[name][1] <= steps * 1.1 + 20, (name, steps, large[name])


async def test_a_put_takes_few_statements(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "few", FEW, expires="NULL")) as connection:
        found = await costs(connection)
    # Usage, record, update, and the usage again, because the size changed; a new key is counted in its namespace too.
    assert (found["put over a record"][0], found["put of a new record"][0], found["get"][0]) == (4, 6, 1)
    # 20 records are found with two statements and inserted with one.
    assert found["bulk put"][0] == 7


def prepared() -> Iterator[tuple[str, Prepared]]:
    for name, value in vars(statements).items():
        if isinstance(value, Prepared):
            yield name, value
    for key, value in statements.LISTS.items():
        yield f"LISTS{key}", value


PARAMETERS: dict[str, Any] = {
    **{f"key{number}": f"k{number}" for number in range(statements.FIND_KEYS)},
    **{"tenant": TENANT, "install": INSTALL, "namespace": "n1", "key": "k1", "first": "k", "end": "l", "count": 10, "now": Clock().instant},
    **{"revision": 2, "value": "1", "metadata": "{}", "value_size": 1, "metadata_size": 2, "expires": None, "created": Clock().instant},
    **{"updated": Clock().instant, "bytes": 1, "keys": 1, "namespaces": 1, "version": 1},
}


def test_every_statement_on_records_seeks_on_an_index_of_sqlite(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "few", FEW, expires="NULL")) as connection:
        for name, statement in prepared():
            plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement.sqlite.sql, statement.sqlite.bind(PARAMETERS))]
            assert not [step for step in plan if "SCAN ext_storage_records" in step or "TEMP B-TREE" in step], (name, plan)


@pytest.mark.postgres
def test_every_statement_on_records_seeks_on_an_index_of_postgres(postgres: PostgresServer) -> None:
    with postgres.migrated() as url, psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for expires in ("NULL::timestamptz", "'2025-01-01'::timestamptz"):
            connection.execute("TRUNCATE ext_storage_records, ext_storage_namespaces, ext_storage_usage")
            connection.execute(RECORDS.format(rows=MANY, expires=expires).replace(f"'{INSTANT}'", f"'{INSTANT}'::timestamptz"))
            connection.execute("ANALYZE ext_storage_records")
            for name, statement in prepared():
                compiled = statement.postgres
                plan = [row[0] for row in connection.execute(b"EXPLAIN " + compiled.sql.encode(), compiled.bind(PARAMETERS))]
                assert not [step for step in plan if "Seq Scan on ext_storage_records" in step], (name, plan)
