"""How long the command, and a runner, need to start: `python -m bench.command [--quick]`.

Each command is a process of its own, and alternates with `python -c pass` and with a fixed loop, so that a slow or busy machine shows in
the same numbers. The bounds are for an idle machine.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.runner_start import RunnerStart
from tests.cli.command_runner import COMMAND, clean_environment, run, write_extension

QUICK = "--quick" in sys.argv
ROUNDS = 5 if QUICK else 21
LOOP_STEPS = 1_000_000
MAX_MS = {"holdfast --help": 150, "holdfast list": 350, "runner start to first answer": 300}


def command() -> dict[str, Any]:
    """Medians in milliseconds on a data folder with one install, and as multiples of an empty Python process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        installed = run("install", write_extension(folder / "sample"), cwd=folder)
        assert installed.returncode == 0, installed.stderr
        processes = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "holdfast --help": [*COMMAND, "--help"],
            "holdfast list": [*COMMAND, "list"],
        }
        start = RunnerStart(folder)
        runners = {"runner start to first answer": start.child, "holdfast runner to first answer": start.command}
        measured: dict[str, list[float]] = {name: [] for name in [*processes, *runners, "calibration loop"]}
        for _ in range(ROUNDS):
            for name, arguments in processes.items():
                measured[name].append(_milliseconds(arguments, folder))
            for name, measure in runners.items():
                measured[name].append(measure())
            measured["calibration loop"].append(_loop_milliseconds())
    medians = {name: statistics.median(values) for name, values in measured.items()}
    empty = medians["python -c pass"]
    return {f"{name}, ms": round(value, 1) for name, value in medians.items()} | {
        "bounds, ms": MAX_MS,
        "times python -c pass": {name: round(medians[name] / empty, 1) for name in MAX_MS},
        "within bounds": all(medians[name] <= bound for name, bound in MAX_MS.items()),
    }


def _milliseconds(arguments: list[str], folder: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(arguments, cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1_000


def _loop_milliseconds() -> float:
    begin = time.perf_counter()
    total = 0
    for number in range(LOOP_STEPS):
        total += number & 7
    assert total
    return (time.perf_counter() - begin) * 1_000


if __name__ == "__main__":
    print(json.dumps({"quick": QUICK, "measured": {"command": command()}}, indent=2, ensure_ascii=False))
