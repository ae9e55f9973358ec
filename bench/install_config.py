"""Responses per second of install-config, from a real gateway process on SQLite. `python -m bench.install_config [--quick]`."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.command_runner import Platform, write_extension

QUICK = "--quick" in sys.argv
CONNECTIONS = 16
SECONDS = 1 if QUICK else 3
ROUNDS = 3 if QUICK else 9
TOKEN = "the token of the measure"
CONFIG = "/api/internal/ext-runner/install-config"
_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")


def install_config() -> dict[str, Any]:
    """Median rates, with the cache, for one install; alternately with `/api/health` of the same process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = write_extension(folder / "sample")
        with Platform(folder, sample, RUNNER_SERVICE_TOKEN=TOKEN, HOLDFAST_LOG_LEVEL="warning") as starting:
            ready = starting.ready()
            origin, body = ready["console"], {"tenantId": ready["tenant"], "extensionId": "Example.com.example.sample"}
            response = httpx2.post(f"{origin}{CONFIG}", json=body, headers={"x-runner-auth": TOKEN}, trust_env=False)
            assert response.status_code == 200, response.text
            lua = folder / "post.lua"
            lua.write_text(
                f'wrk.method = "POST"\nwrk.body = [==[{json.dumps(body)}]==]\n'
                f'wrk.headers["x-runner-auth"] = "{TOKEN}"\nwrk.headers["content-type"] = "application/json"\n'
            )
            rates: dict[str, list[float]] = {"install-config": [], "health": []}
            for _ in range(ROUNDS):
                rates["install-config"].append(_rate("-s", str(lua), f"{origin}{CONFIG}"))
                rates["health"].append(_rate(f"{origin}/api/health"))
    medians = {name: statistics.median(measured) for name, measured in rates.items()}
    return {
        "answers a second": round(medians["install-config"]),
        "slowest round": round(min(rates["install-config"])),
        "health, answers a second": round(medians["health"]),
        "times health": round(medians["install-config"] / medians["health"], 1),
    }


def _rate(*arguments: str) -> float:
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", str(SECONDS), *arguments]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=60).stdout
    found = _RATE.search(output)
    assert found is not None and "Non-2xx" not in output and "Socket errors" not in output, output
    return float(found[1])


if __name__ == "__main__":
    print(json.dumps({"quick": QUICK, "measured": {"install-config": install_config()}}, indent=2, ensure_ascii=False))
