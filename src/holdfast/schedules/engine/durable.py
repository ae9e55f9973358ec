"""The durable-execution engine of one process: DBOS, on a SQLite file or in a schema of the Postgres database.

    start_workflow(id) ──▶ recorded as PENDING of this executor ──▶ steps, each recorded with its result ──▶ SUCCESS
            │                                      │ the process is killed
            │ the id is known: nothing happens     ▼
            └──────────────────────  adopt(executor) by another process ──▶ runs again: recorded steps return their results

DBOS keeps one engine in a process. Workflows and steps are methods of a `DBOSConfiguredInstance`: with its name, any process finds it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowStatusString
from dbos._serialization import DBOSPortableJSONSerializer

from holdfast.logs import silence_logger
from holdfast.records.database.address import database_address

SCHEMA = "holdfast_durable"
"""The schema of the engine's tables on Postgres."""

APPLICATION_VERSION = "1"
"""Change it when a workflow's steps change: an engine continues only workflows of its own version. See docs/decisions/0064."""

MAX_RECOVERIES = 1_000_000
"""A workflow is given up after so many kills of its process. It cannot harm by itself: what extensions do runs in the runner."""

_ENDED = {
    WorkflowStatusString.SUCCESS.value: "it has ended",
    WorkflowStatusString.ERROR.value: "it failed",
    WorkflowStatusString.CANCELLED.value: "it was cancelled",
    WorkflowStatusString.MAX_RECOVERY_ATTEMPTS_EXCEEDED.value: "its process was killed too often",
}

Workflow = Callable[[str], Coroutine[Any, Any, None]]


def engine_url(database_url: str, data_dir: Path) -> str:
    """The database of the engine: a file of its own in the data folder, which is created, or the same server as a Postgres one."""
    address = database_address(database_url)
    if address.get_backend_name() == "sqlite":
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "durable.sqlite").resolve()
        with closing(sqlite3.connect(file)) as connection:
            # It stays with the file. A commit then needs one sync instead of three, and readers do not wait for writers.
            connection.execute("PRAGMA journal_mode=WAL")
        return f"sqlite:///{file}"
    return address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


class DurableEngine:
    """Starts and recovers workflows. `start` must run in the event loop in which the workflows are to run."""

    def __init__(self, url: str, executor_id: str, *, database_polls: int = 4) -> None:
        """`executor_id` marks what this process runs; no other process has it."""
        self.executor_id = executor_id
        DBOS(
            config=DBOSConfig(
                name="holdfast",
                system_database_url=url,
                dbos_system_schema=SCHEMA,
                application_version=APPLICATION_VERSION,
                executor_id=executor_id,
                enable_otlp=False,
                log_level="WARNING",
                serializer=DBOSPortableJSONSerializer(),
                sys_db_polling_concurrency=database_polls,
            )
        )

    async def start(self) -> None:
        """Creates or migrates the engine's tables and starts it."""
        # Called in the loop itself: the engine runs coroutines in the loop that it finds here.
        DBOS.launch()

    async def stop(self) -> None:
        """Stops it. Workflows that run stay recorded as running, and are adopted: what the engine says of them is no error."""
        silence_logger("dbos")
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)

    async def start_workflow(self, workflow: Workflow, workflow_id: str) -> None:
        """Starts a workflow with its id as its argument; nothing happens when the id is known."""
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(workflow, workflow_id)

    async def ended(self, workflow_id: str) -> str | None:
        """Why a workflow does not run: a text for people; None when it runs, or will run. Raises LookupError for an unknown one."""
        status = await DBOS.get_workflow_status_async(workflow_id)
        if status is None:
            raise LookupError(workflow_id)
        return _ENDED.get(status.status)

    async def adopt(self, executor_ids: Sequence[str]) -> int:
        """Continues the workflows of processes that have ended; returns how many. Two adoptions of one workflow run it once."""
        return len(await asyncio.to_thread(DBOS._recover_pending_workflows, list(executor_ids)))

    async def forget_before(self, before: datetime) -> int:
        """Deletes what is recorded of workflows that ended before that instant, 500 at most; returns how many."""
        old = await DBOS.list_workflows_async(
            status=list(_ENDED), completed_before=before.isoformat(), limit=500, load_input=False, load_output=False
        )
        await DBOS.delete_workflows_async([workflow.workflow_id for workflow in old])
        return len(old)
