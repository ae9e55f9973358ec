"""A platform's side of a data folder without the platform: its lock, its record and its socket, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from holdfast.concurrency.tasks import end_task
from holdfast.errors import HoldfastError
from holdfast.platform.control.messages import ControlRequest, PlatformDescription
from holdfast.platform.control.server import ControlServer
from holdfast.platform.control.socket_file import listen_in_data_folder
from holdfast.platform.lock_file import DataFolderLock, RunningPlatform, write_state
from holdfast.platform.record import recorded


class Echo:
    """Returns the request. `fail` raises, `wait` waits until it is cancelled, which it counts."""

    def __init__(self) -> None:
        self.waiting = 0
        self.cancelled = 0

    async def run(self, request: ControlRequest) -> Any:
        if request.operation == "fail":
            raise HoldfastError("It failed.", hint="Do it differently.", details={"reason": 1})
        if request.operation == "wait":
            self.waiting += 1
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return {"operation": request.operation, "tenant": request.tenant, "strict": request.strict, **request.arguments}


@asynccontextmanager
async def served(
    data_dir: Path, operations: Echo | None = None, *, console: str = "http://localhost:1", is_recorded: bool = True, **described: str
) -> AsyncIterator[Echo]:
    """Holds the folder as a running platform does, within the block."""
    running = RunningPlatform(pid=1, console=console, runner="http://localhost:2")
    operations = operations or Echo()
    about = {"version": "1", "environment": "development", "database": "sqlite:////db", "bundle_store": "/store"} | described
    description = PlatformDescription(pid=1, console=console, runner=running.runner, data_dir=str(data_dir.resolve()), **about)
    with DataFolderLock(data_dir):
        if is_recorded:
            record = recorded(data_dir)
            record.__enter__()
        with listen_in_data_folder(data_dir) as listening:
            task = asyncio.create_task(ControlServer(listening, description, operations).run())
            write_state(data_dir, running)
            try:
                yield operations
            finally:
                await end_task(task)
                if is_recorded:
                    record.__exit__(None, None, None)
