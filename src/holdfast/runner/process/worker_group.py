"""The workers of a runner, for a parent that starts them.

It imports no part of a runner: the parent may be a gateway, which never imports the engine.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from holdfast.processes.workers import Workers
from holdfast.runner.execute.shared_folder import METRICS

MODULE = "holdfast.runner"
"""What a runner process runs."""


def create_workers(
    listening: Sequence[socket.socket],
    environment: Mapping[str, str],
    shared: Path,
    *,
    stop_seconds: int,
    unix: Sequence[socket.socket] = (),
) -> Workers:
    """The workers of a runner, one for each socket; `unix` has a Unix socket for each, or nothing.

    They share the folder `shared`, which only this user can read.
    """
    return Workers(
        "runner",
        MODULE,
        listening,
        unix=unix,
        environment={**environment, "HOLDFAST_WORKERS_DIR": str(shared)},
        stop_seconds=stop_seconds,
        on_end=partial(_forget, shared / METRICS),
    )


def _forget(metrics: Path, worker: int) -> None:
    """Removes the running calls of a dead worker from the sums; its counters stay in them."""
    # Imported when a worker has died, which is seldom.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker, str(metrics))  # type: ignore[no-untyped-call]
