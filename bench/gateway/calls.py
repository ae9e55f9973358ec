"""One call through the gateway against the same call of the runner: 1 and 16 connections, one process each and two of each."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.gateway.load import difference, gateway_caller, interleaved, ratio, runner_caller, shown
from bench.gateway.platforms import extension, platform
from tests.engine import toolchains

CONNECTIONS = 16


def calls(folder: Path, database: str | None) -> dict[str, Any]:
    """Medians, and what the gateway adds to the runner's own times."""
    archive = extension(folder / "hello.tar.zst", toolchains.build("hello (QuickJS)"))
    with platform(folder / "one", archive, database=database) as running:
        gateway, runner = gateway_caller(folder, running), runner_caller(folder, running)
        loads = interleaved(
            {
                "runner, 1 connection": partial(runner.measure, 1),
                "gateway, 1 connection": partial(gateway.measure, 1),
                f"runner, {CONNECTIONS} connections": partial(runner.measure, CONNECTIONS),
                f"gateway, {CONNECTIONS} connections": partial(gateway.measure, CONNECTIONS),
            }
        )
    runner_one, gateway_one, runner_many, gateway_many = loads.values()
    return shown(loads) | {
        "added at 1 connection, ms": difference(gateway_one, runner_one, "p50"),
        "p99 at 1 connection, added, ms": difference(gateway_one, runner_one, "p99"),
        "of the runner's rate": ratio(gateway_many, runner_many),
    }


def workers(folder: Path, databases: tuple[str | None, str | None]) -> dict[str, Any]:
    """Two gateway and two runner processes against one of each."""
    archive = extension(folder / "hello.tar.zst", toolchains.build("hello (QuickJS)"))
    with ExitStack() as running:
        one = running.enter_context(platform(folder / "single", archive, database=databases[0]))
        two = running.enter_context(platform(folder / "double", archive, "--workers", "2", "--runner-workers", "2", database=databases[1]))
        loads = interleaved(
            {
                "one of each": partial(gateway_caller(folder, one).measure, CONNECTIONS),
                "two of each": partial(gateway_caller(folder, two).measure, CONNECTIONS),
            }
        )
    single, double = loads.values()
    return shown(loads) | {
        "two of each, times the rate": ratio(double, single),
        "two of each, times the processor time of a call": ratio(double, single, "cpu"),
    }
