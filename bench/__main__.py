"""Every measure, one after the other, each in a process of its own: `python -m bench [--quick] [--write] [MODULE ...]`.

With modules named, such as `bench.runner`, only these are measured; of the others, docs/performance.json keeps what it has.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "docs" / "performance.json"
MODULES = (
    "bench.engine",
    "bench.runner",
    "bench.assets",
    "bench.registry",
    "bench.install_config",
    "bench.command",
    "bench.gateway",
    "bench.schedules",
    "bench.loop",
    "bench.alternatives",
)


def measure(module: str) -> dict[str, Any]:
    """The JSON that a module prints. Its progress goes to stderr."""
    options = ["--quick"] if "--quick" in sys.argv else []
    sys.stderr.write(f"{module} ...\n")
    done = subprocess.run([sys.executable, "-m", module, *options], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    reported: dict[str, Any] = json.loads(done.stdout)
    return reported


def main() -> None:
    named = [module for module in MODULES if module in sys.argv]
    result: dict[str, Any] = json.loads(RESULT.read_text())
    for module in named or MODULES:
        reported = measure(module)
        measured = result["measured"] | reported.get("measured", reported)
        result |= reported if "machine" in reported else {}
        result["measured"] = measured
        if "--write" in sys.argv:
            RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
