"""The same handler on each of them, 16 connections, one process each; alternately with Holdfast's runner and gateway."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.alternatives.servers import serving
from bench.gateway.load import QUICK, ROUNDS, SECONDS, gateway_caller, runner_caller
from bench.gateway.platforms import extension, platform
from tests.engine import toolchains

CONNECTIONS = 16
ALTERNATIVES = ("node http", "workerd", "wasmtime package")
_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")


def alternatives() -> dict[str, Any]:
    """Median responses a second, and as a ratio to the gateway of the same round."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as running:
        folder = Path(temporary)
        archive = extension(folder / "hello.tar.zst", toolchains.build("hello (QuickJS)"))
        holdfast = running.enter_context(platform(folder / "platform", archive))
        gateway, runner = gateway_caller(folder, holdfast), runner_caller(folder, holdfast)
        measures: dict[str, Callable[[], float]] = {
            "Holdfast, gateway": lambda: gateway.measure(CONNECTIONS).rate,
            "Holdfast, runner": lambda: runner.measure(CONNECTIONS).rate,
        }
        measures |= {name: partial(_rate, running.enter_context(serving(name))) for name in ALTERNATIVES}
        rates: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(ROUNDS):
            for name, measure in measures.items():
                rates[name].append(measure())
    ours = rates["Holdfast, gateway"]
    return {
        name: {
            "a second": round(median(measured)),
            "times the gateway": round(median(one / other for one, other in zip(measured, ours, strict=True)), 2),
        }
        for name, measured in rates.items()
    }


def _rate(url: str) -> float:
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", str(SECONDS), url]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=120).stdout
    found = _RATE.search(output)
    assert found is not None and "Non-2xx" not in output and "Socket errors" not in output, output
    return float(found[1])


if __name__ == "__main__":
    print(json.dumps({"quick": QUICK, "measured": {"alternatives": alternatives()}}, indent=2, ensure_ascii=False))
