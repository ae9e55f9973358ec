"""Building from source: what is made, what is not made again, and what an author is told when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_echo_builds(built: Callable[[str], Path]) -> None:
    for name in ("echo", "faulty", "no-handler"):
        assert (built(name) / "dist" / "main.wasm").is_file()
