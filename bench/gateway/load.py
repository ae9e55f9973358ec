"""`wrk` as the caller: it needs a twentieth of a core, so that the processes under measure have the rest."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gateway.platforms import TOKEN, Running

QUICK = "--quick" in sys.argv
SECONDS = 1 if QUICK else 3
ROUNDS = 3 if QUICK else 5

_REPORT = """
done = function(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n",
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"""
_numbers = itertools.count()


@dataclass(frozen=True)
class Load:
    """One round: responses a second, the median and the 99th percentile of their times in ms, processor time in ms for each."""

    rate: float
    p50: float
    p99: float
    cpu: float

    def value(self, field: str) -> float:
        return {"rate": self.rate, "p50": self.p50, "p99": self.p99, "cpu": self.cpu}[field]


class Caller:
    """Sends one request over and over, or several in turn. Every response must be a success."""

    def __init__(self, folder: Path, url: str, running: Running, lua: str) -> None:
        self._url = url
        self._running = running
        self._script = folder / f"wrk-{next(_numbers)}.lua"
        self._script.write_text(lua + _REPORT)

    def measure(self, connections: int, seconds: float = SECONDS) -> Load:
        before = self._running.cpu_seconds()
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", str(seconds), "-s", str(self._script), self._url]
        output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=120).stdout
        (line,) = [line for line in output.splitlines() if line.startswith("RESULT ")]
        requests, duration, failed, p50, p99 = map(int, line.split()[1:])
        assert failed == 0 and requests > 0, output
        cpu = self._running.cpu_seconds() - before
        return Load(requests / (duration / 1e6), p50 / 1_000, p99 / 1_000, cpu * 1_000 / requests)


def gateway_caller(folder: Path, running: Running, path: str = "", method: str = "GET") -> Caller:
    """Calls the extension's endpoint through the gateway."""
    lua = f'wrk.method = "{method}"\nwrk.headers["x-api-key"] = "{running.api_key}"\n'
    return Caller(folder, running.call + path, running, lua)


def gateway_round_robin(folder: Path, running: Running, calls: Sequence[tuple[str, str]]) -> Caller:
    """Calls several extensions in turn; each call is its path and the API key for it."""
    table = ",\n".join(f'{{"{path}", "{key}"}}' for path, key in calls)
    lua = f"""local calls = {{ {table} }}
local next_call = 0
request = function()
  next_call = next_call % #calls + 1
  local call = calls[next_call]
  return wrk.format("GET", call[1], {{["x-api-key"] = call[2]}})
end
"""
    return Caller(folder, running.console, running, lua)


def runner_caller(folder: Path, running: Running) -> Caller:
    """Sends the same call to the runner itself: the baseline."""
    body = running.execute_body()
    headers = {
        "content-type": "application/json",
        "x-runner-service-token": TOKEN,
        "x-alga-tenant": running.tenant,
        "x-alga-extension": running.registry_id,
        "x-request-id": "request-1",
    }
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{json.dumps(body)}]==]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    return Caller(folder, f"{running.runner}/v1/execute", running, "\n".join(lines) + "\n")


def interleaved(measures: Mapping[str, Callable[[], Load]], rounds: int = ROUNDS) -> dict[str, list[Load]]:
    """Every measure once a round, so that a disturbance of the machine meets all of them."""
    loads: dict[str, list[Load]] = {name: [] for name in measures}
    for measure in measures.values():  # connections, caches, branch predictors: not what is measured
        measure()
    for _ in range(rounds):
        for name, measure in measures.items():
            loads[name].append(measure())
    return loads


def median(loads: Sequence[Load], field: str) -> float:
    return statistics.median(load.value(field) for load in loads)


def ratio(ones: Sequence[Load], others: Sequence[Load], field: str = "rate") -> float:
    """The median over the rounds of `one / other`."""
    return round(statistics.median(one.value(field) / other.value(field) for one, other in zip(ones, others, strict=True)), 3)


def difference(ones: Sequence[Load], others: Sequence[Load], field: str) -> float:
    """The median over the rounds of `one - other`, in ms."""
    pairs = zip(ones, others, strict=True)
    return round(statistics.median(one.value(field) - other.value(field) for one, other in pairs), 3)


def shown(loads: Mapping[str, Sequence[Load]]) -> dict[str, Any]:
    """The medians of each measure, for people."""
    return {
        name: {
            "a second": round(median(rounds, "rate")),
            "p50, ms": round(median(rounds, "p50"), 2),
            "p99, ms": round(median(rounds, "p99"), 2),
            "processor, ms a call": round(median(rounds, "cpu"), 3),
        }
        for name, rounds in loads.items()
    }
