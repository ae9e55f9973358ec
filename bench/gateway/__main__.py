"""Measures on SQLite and PostgreSQL, and prints the group "gateway" as JSON. Name some of the measures to run only these."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.gateway.billed import billed
from bench.gateway.calls import calls, workers
from bench.gateway.idle import idle
from bench.gateway.load import QUICK
from bench.gateway.scale import scale
from bench.gateway.stored import stored
from tests.records.postgres import PostgresServer, postgres_server

# As a server in production confirms a commit: after it wrote it. A power loss is not measured here, so nothing waits for a disk.
_SERVER_OPTIONS = {"synchronous_commit": "on", "autovacuum": "on", "shared_buffers": "128MB"}


def measures() -> dict[str, Callable[[Path, ExitStack, PostgresServer | None], dict[str, Any]]]:
    """Each measure by its name, as a function of its folder, what its databases live in, and the PostgreSQL server (None: SQLite)."""

    def database(open_blocks: ExitStack, server: PostgresServer | None) -> str | None:
        return None if server is None else open_blocks.enter_context(server.empty())

    return {
        "calls": lambda folder, blocks, server: calls(folder, database(blocks, server)),
        "idle": lambda folder, blocks, server: idle(folder, database(blocks, server)),
        "workers": lambda folder, blocks, server: workers(folder, (database(blocks, server), database(blocks, server))),
        "storage": lambda folder, blocks, server: stored(folder, (database(blocks, server), database(blocks, server))),
        "records": lambda folder, blocks, server: billed(folder, database(blocks, server)),
        "scale": lambda folder, blocks, server: scale(folder, (database(blocks, server), database(blocks, server))),
    }


def main() -> None:
    chosen = {name: measure for name, measure in measures().items() if name in sys.argv} or measures()
    result: dict[str, dict[str, Any]] = {}
    with postgres_server(_SERVER_OPTIONS) as postgres:
        for kind, server in (("SQLite", None), ("PostgreSQL", postgres)):
            if {"sqlite", "postgres"} & set(sys.argv) and kind.lower()[:6] not in " ".join(sys.argv):
                continue
            for name, measure in chosen.items():
                sys.stderr.write(f"  {kind}: {name} ...\n")
                with tempfile.TemporaryDirectory() as folder, ExitStack() as open_blocks:
                    result.setdefault(kind, {})[name] = measure(Path(folder), open_blocks, server)
    print(json.dumps({"quick": QUICK, "measured": {"gateway": result}}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
