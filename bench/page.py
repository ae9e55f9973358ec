"""Fills the table of docs/performance.md from docs/performance.json: `python -m bench.page`."""

from __future__ import annotations

import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def measured(result: dict[str, dict[str, object]]) -> list[str]:
    """The last column of the table, row by row."""
    fresh, monkey = result["fresh instance per call, QuickJS hello"], result["the same, StarlingMonkey hello"]
    echo, runner, pages = result["echo"], result["POST /v1/execute, QuickJS hello"], result["files of pages"]
    one_worker = runner["one worker, of the engine's own"]
    faster = "faster than the package's conversion by"
    return [
        f"{fresh['slower than the bare C API by']} times",
        f"{fresh['pool makes it faster by']} times",
        f"{fresh['faster than the package, unpooled, by']} times",
        f"{monkey['faster than compiling per call by']:,} times",
        f"{result['calls that wait']['500 calls that wait 200 ms, s in all']} s",
        f"{echo['64 KiB'][faster]} times",  # type: ignore[index]
        f"{echo['1 MiB'][faster]} times",  # type: ignore[index]
        f"late by at most {result['deadlines']['latest, ms']} ms",
        f"{result['cold start']['first call of a new process, artifact on disk, ms']} ms",
        f"{result['memory']['resident memory grows by, %']} %",
        f"{result['beside four guests that compute without end']['p99 ms']} ms",
        f"{one_worker} times",
        f"{runner['two workers, times one']} times",
        f"{result['cold bundle of 3 MB']['download, verify, unpack, load, ms']} ms",
        f"{pages['files faster than StaticFiles by']} times",
        f"{pages['304s faster than StaticFiles by']} times",
        f"{result['publish of 3 MB']['publish, ms']} ms",
        f"{result['install-config']['answers a second']:,} a second",
    ]


def fill(page: str, columns: list[str]) -> str:
    """The page with the table's last column replaced."""
    lines, rows = page.split("\n"), iter(columns)
    start = next(index for index, line in enumerate(lines) if line.startswith("|---|---|---|---|"))
    for index in range(start + 1, start + 1 + len(columns)):
        lines[index] = re.sub(r"\|[^|]*\|$", lambda _: f"| {next(rows)} |", lines[index])
    return "\n".join(lines)


def main() -> None:
    result = json.loads((DOCS / "performance.json").read_text())
    page = DOCS / "performance.md"
    page.write_text(fill(page.read_text(), measured(result["measured"])))


if __name__ == "__main__":
    main()
