"""What each speed trick of `POST /v1/execute` gains: `python -m bench.speed_tricks [--quick]`.

A runner with all tricks, one without each of them, and one without any, measured in turn over 16 connections. Not part of `make bench`: run
it before you keep, change or remove a trick.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop

from bench.engine import QUICK, Rates
from bench.runner import ROUNDS, check, over_http, script, store_bundle
from tests.runner.processes import runner_process

SWITCHES = ("HOLDFAST_FAST_PATH", "HOLDFAST_CALL_BATCHING", "HOLDFAST_FAST_LOG_LINES", "HOLDFAST_GENERATED_LOWERING")
ALL, NONE = "all tricks", "no trick"


async def run() -> dict[str, Any]:
    """Calls a second of each runner, and for each switch how many times faster the runner with all tricks is."""
    switched_off = {ALL: (), NONE: SWITCHES} | {f"without {name}": (name,) for name in SWITCHES}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as running:
        folder = Path(temporary)
        digest, variables = await store_bundle(folder)
        lua = script(folder, digest)
        contestants = {}
        for number, (label, names) in enumerate(switched_off.items()):
            own = folder / f"runner-{number}"
            own.mkdir()
            origin, _ = running.enter_context(runner_process(own, **variables, **dict.fromkeys(names, "false")))
            await asyncio.to_thread(check, origin, digest)
            contestants[label] = over_http(origin, lua)
        rounds: dict[str, list[float]] = {label: [] for label in contestants}
        for _ in range(ROUNDS):
            for label, measure in contestants.items():
                rounds[label].append(await measure())
    rates = Rates(rounds)
    return {
        "calls a second": {label: round(rate) for label, rate in rates.median.items()},
        "all tricks are faster by": {label: rates.ratio(ALL, label) for label in switched_off if label != ALL},
    }


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps({"quick": QUICK, "measured": {"speed tricks": runner.run(run())}}, indent=2))


if __name__ == "__main__":
    main()
