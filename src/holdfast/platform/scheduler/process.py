"""One scheduler process: from its settings to its end.

start ──▶ database, gateway's address and token ──▶ Scheduler ──SIGTERM, SIGINT, the parent's end──▶ end; the gateway's calls go on
                                                       └── another scheduler adopted its runs ──▶ end with 1; the next start has a new id
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from datetime import timedelta

from holdfast.errors import HoldfastError
from holdfast.platform.signals import run_until_signal
from holdfast.processes.parent_end import when_parent_ends
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.migrate import migrate
from holdfast.schedules.engine.durable import DurableEngine, engine_url
from holdfast.schedules.events.deliveries import EventQueue
from holdfast.schedules.events.workflow import EventDeliveries
from holdfast.schedules.runs.gateway_client import GatewayClient
from holdfast.schedules.runs.workflow import ScheduleRuns
from holdfast.schedules.scheduler import Scheduler, SchedulerOptions
from holdfast.settings import Settings


class SchedulerUnconfigured(HoldfastError):
    """Raised when a scheduler does not know its gateway."""

    code = "scheduler_unconfigured"


async def run_scheduler(settings: Settings, *, parent_pipe: int | None = None, on_ready: Callable[[], None] = lambda: None) -> int:
    """Runs a scheduler until a signal, or until the parent behind `parent_pipe` ends; returns the exit code.

    Raises SchedulerUnconfigured, DatabaseError, and Adopted when another scheduler took over its runs.
    """
    base_url, token = _gateway(settings)
    if parent_pipe is None:
        await migrate(settings.resolved_database_url)
    db = Database(settings.resolved_database_url, durability=settings.database_durability)
    gateway = GatewayClient(base_url, token, timeout=2 * settings.gateway_timeout_ms / 1_000 + 30)
    try:
        engine = DurableEngine(engine_url(settings.resolved_database_url, settings.data_dir), _executor_id())
        retry = settings.schedule_retry_seconds
        runs = ScheduleRuns(db, gateway, at_once=settings.scheduler_calls_at_once, retry_seconds=retry)
        deliveries = EventDeliveries(
            db,
            gateway,
            at_once=settings.scheduler_calls_at_once,
            max_attempts=settings.event_attempts,
            first_pause=timedelta(seconds=settings.event_retry_seconds),
            now=utc_now,
        )
        events = EventQueue(db, engine, deliveries, at_once=settings.scheduler_calls_at_once, now=utc_now)
        options = SchedulerOptions(
            at_once=settings.scheduler_calls_at_once,
            catch_up=timedelta(seconds=settings.schedule_catch_up_seconds),
            history=timedelta(days=settings.schedule_history_days),
            event_history=timedelta(days=settings.event_history_days),
            lease=timedelta(seconds=settings.scheduler_lease_seconds),
        )
        with when_parent_ends(parent_pipe, lambda: signal.raise_signal(signal.SIGTERM)):
            return await run_until_signal([Scheduler(db, engine, runs, options, events=events).run(on_ready)])
    finally:
        await gateway.close()
        await db.close()


def _gateway(settings: Settings) -> tuple[str, str]:
    """Address and token of the gateway. Raises SchedulerUnconfigured."""
    base_url = settings.storage_api_base_url or settings.registry_base_url
    token = settings.runner_storage_api_token or settings.runner_service_token
    if base_url is None or token is None:
        raise SchedulerUnconfigured(
            "The scheduler has no gateway that makes its calls.",
            hint="Set REGISTRY_BASE_URL to the address of the gateway, and RUNNER_SERVICE_TOKEN to the token that services share.",
        )
    return base_url, token.get_secret_value()


def _executor_id() -> str:
    """Unique, and telling for people: host, process, and a random part, since process ids come again."""
    return f"{socket.gethostname()[:60]}-{os.getpid()}-{new_id()[:8]}"
