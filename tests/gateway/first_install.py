"""The install that every platform of the tests begins with. It is made once for each process; further databases get copies of its rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct
from sqlalchemy import Table, insert, select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from tests.records.databases import TENANT, migrated
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

_Rows = dict[Table, list[dict[str, Any]]]


class _Made(Struct, frozen=True, kw_only=True):
    """What an install left: rows, and the files of the store by their paths."""

    installed: Installed
    rows: _Rows
    files: dict[Path, bytes]


_made: list[_Made] = []


async def add_first_install(db: Database, store: Path) -> Installed:
    """Adds `acme.com.example.notes`, installed for TENANT, to a database with tenants, and its bundle to the store in the folder."""
    if not _made:
        _made.append(await _make())
    (made,) = _made
    for path, content in made.files.items():
        (store / path).parent.mkdir(parents=True, exist_ok=True)
        (store / path).write_bytes(content)
    async with db.transaction() as session:
        for table, rows in made.rows.items():
            await session.execute(insert(table), rows)
    return made.installed


async def _make() -> _Made:
    with TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "bundles"
        async with migrated(folder) as db:
            before = await _rows(db)
            archive = archive_of(folder / "first.tar.zst")
            installed = await install_archive(
                collaborators(db, FolderStore(store)), archive, actor=local_actor(TENANT), check_component=None
            )
            # The other tables belong to the database, not to the install: tenants, and counters that its triggers keep.
            rows = {table: found for table, found in (await _rows(db)).items() if table not in before}
        files = {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    return _Made(installed=installed, rows=rows, files=files)


async def _rows(db: Database) -> _Rows:
    """The rows of the tables that have any; what others refer to comes first."""
    found: _Rows = {}
    async with db.session() as session:
        for table in Base.metadata.sorted_tables:
            if rows := (await session.execute(select(table))).mappings().all():
                found[table] = [dict(row) for row in rows]
    return found
