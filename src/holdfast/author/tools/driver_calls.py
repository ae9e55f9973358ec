"""Requests to the driver, with its errors in words for the author, and the files that it read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from holdfast.author.inputs.state import FileState
from holdfast.author.sdk_aliases import sdk_aliases
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.messages import build_failed, problem_of

BUILD_TIMEOUT = 120.0


async def call_driver(root: Path, driver: Driver, request: dict[str, Any], what: str) -> dict[str, Any]:
    """The driver's response to a request for the project in the folder `root`.

    Raises BuildFailed with the tools' problems in words for the author, BuildToolError.
    """
    response = await driver.call({"project": str(root), "alias": sdk_aliases(root), **request}, what=what, timeout=BUILD_TIMEOUT)
    if not response["ok"]:
        failure = build_failed(root, f"{what} cannot be built.", [problem_of(root, raw) for raw in response["errors"]])
        failure.inputs = frozenset(map(Path, response["reads"]))
        raise failure
    return response


def states_of(reads: dict[str, Any]) -> dict[Path, FileState]:
    """The files that the driver read, in the states that it saw."""
    # Stamps are text: they are larger than the numbers that JavaScript can write.
    return {Path(path): msgspec.convert(state, FileState, strict=False) for path, state in reads.items()}
