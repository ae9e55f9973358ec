"""Every measure, one after the other, each in a process of its own: `python -m bench [--quick] [--write]`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MODULES = ("bench.engine", "bench.runner", "bench.assets")


def measure(module: str) -> dict[str, Any]:
    """What a module prints. Its progress goes to our stderr."""
    options = ["--quick"] if "--quick" in sys.argv else []
    sys.stderr.write(f"{module} ...\n")
    done = subprocess.run([sys.executable, "-m", module, *options], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    result = measure(MODULES[0])
    for module in MODULES[1:]:
        told = measure(module)
        result["measured"] |= told.get("measured", told)
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    if "--write" in sys.argv:
        (ROOT / "docs" / "performance.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
