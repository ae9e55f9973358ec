"""The same call on an almost empty platform and on a full one.

Full: 1,000,000 calls in the audit log, 1,000 tenants, 500 installs of 500 bundles.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import create_engine

from bench.gateway.load import QUICK, gateway_caller, gateway_round_robin, interleaved, ratio, shown
from bench.gateway.platforms import Running, extension, platform
from bench.gateway.rows import Installed, many_calls, many_installs, tiny_component

CONNECTIONS = 16
CALLS = 20_000 if QUICK else 1_000_000
TENANTS = 100 if QUICK else 1_000
INSTALLS = 50 if QUICK else 500


def scale(folder: Path, databases: tuple[str | None, str | None]) -> dict[str, Any]:
    """Medians; on the full platform each call is of the next install, with the API key of its tenant."""
    wasm = tiny_component()
    archive = extension(folder / "tiny.tar.zst", wasm)
    with ExitStack() as running:
        small = running.enter_context(platform(folder / "small", archive, database=databases[0]))
        full = running.enter_context(platform(folder / "full", archive, database=databases[1]))
        calls = [(one.path, one.api_key) for one in _fill(folder / "full", databases[1], full, wasm)]
        _call_each(full, calls)
        loads = interleaved(
            {
                "one install": partial(gateway_caller(folder, small).measure, CONNECTIONS),
                "full": partial(gateway_round_robin(folder, full, calls).measure, CONNECTIONS),
            }
        )
    one, many = loads.values()
    return shown(loads) | {"full, times the rate": ratio(many, one)}


def _fill(folder: Path, database: str | None, running: Running, wasm: Path) -> list[Installed]:
    engine = create_engine(f"sqlite:///{folder / 'data' / 'holdfast.db'}" if database is None else database)
    with engine.begin() as connection:
        installed = many_installs(connection, folder / "data" / "bundles", wasm, tenants=TENANTS, installs=INSTALLS)
    with engine.begin() as connection:
        many_calls(connection, running, is_sqlite=database is None, count=CALLS)
    engine.dispose()
    return installed


def _call_each(running: Running, calls: list[tuple[str, str]]) -> None:
    """Compiles and loads every component, and checks every response."""
    with httpx2.Client(base_url=running.console, trust_env=False, timeout=120) as client:
        for number, (path, key) in enumerate(calls):
            response = client.get(path, headers={"x-api-key": key})
            assert response.status_code == 200 and int(response.text) == number, response.text
