"""Extension storage through a guest: `put` and `get` of small records, and `put` with 100,000 records in the table."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.gateway.load import gateway_caller, interleaved, median, ratio, shown
from bench.gateway.platforms import extension, platform
from bench.gateway.rows import many_records
from holdfast.world.capabilities import Capability
from tests.engine import toolchains

CONNECTIONS = 16


def stored(folder: Path, databases: tuple[str | None, str | None]) -> dict[str, Any]:
    """Medians; the same `put` on an almost empty table and with 100,000 records."""
    archive = extension(folder / "storage.tar.zst", toolchains.build("storage (QuickJS)"), capabilities=[Capability.STORAGE_KV])
    with ExitStack() as open_blocks:
        few = open_blocks.enter_context(platform(folder / "few", archive, database=databases[0]))
        many = open_blocks.enter_context(platform(folder / "many", archive, database=databases[1]))
        many_records(folder / "many", databases[1], many)
        loads = interleaved(
            {
                "put": partial(gateway_caller(folder, few, "/put", "POST").measure, CONNECTIONS),
                "get": partial(gateway_caller(folder, few, "/get").measure, CONNECTIONS),
                "put, 100,000 records": partial(gateway_caller(folder, many, "/put", "POST").measure, CONNECTIONS),
            }
        )
    put, get, put_many = loads.values()
    return shown(loads) | {
        "put, 100,000 records, times few": ratio(put_many, put),
        "at least, a second": round(min(median(put, "rate"), median(get, "rate"))),
    }
