"""Publishing a bundle of 3 MB, without compiling, on SQLite. `python -m bench.registry [--quick]`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.records.database.database import Database
from holdfast.registry.publishing.publish import publish_bundle
from tests.records.databases import migrated
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of
from tests.registry.publisher import ADA

QUICK = "--quick" in sys.argv
ROUNDS = 7 if QUICK else 25
COMPONENT_BYTES = 3_000_000
"""Random bytes, which compression does not shrink."""


async def publishing(folder: Path) -> dict[str, Any]:
    """Median milliseconds of one publish and of its minimum, measured alternately: hashing the file, copying it, one transaction."""
    async with migrated(folder) as db:
        store = FolderStore(folder / "bundles")
        times: dict[str, list[float]] = {"publish": [], "baseline": []}
        size = 0
        for number in range(ROUNDS):
            archive = archive_of(folder / f"{number}.tar.zst", wasm=os.urandom(COMPONENT_BYTES), version=f"1.0.{number}")
            size = archive.stat().st_size
            times["baseline"].append(await _timed(lambda archive=archive: _baseline(db, archive, folder / "copy")))  # type: ignore[misc]
            times["publish"].append(await _timed(lambda archive=archive: _publish(db, store, archive)))  # type: ignore[misc]
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    return {
        "bytes": size,
        "publish, ms": round(medians["publish"], 1),
        "slowest, ms": round(max(times["publish"]), 1),
        "hash, copy and empty transaction, ms": round(medians["baseline"], 1),
        "times these": round(medians["publish"] / medians["baseline"], 1),
    }


async def _publish(db: Database, store: FolderStore, archive: Path) -> None:
    await publish_bundle(collaborators(db, store), archive, actor=ADA, check_component=None)


async def _baseline(db: Database, archive: Path, copy: Path) -> None:
    await asyncio.to_thread(hash_file, archive)
    await asyncio.to_thread(shutil.copyfile, archive, copy)
    async with db.transaction() as session:
        await session.connection()


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1_000


async def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return {"publish of 3 MB": await publishing(Path(folder))}


if __name__ == "__main__":
    print(json.dumps({"quick": QUICK, "measured": asyncio.run(run())}, indent=2, ensure_ascii=False))
