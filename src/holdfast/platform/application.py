"""The part of a run that needs the database: gateway and console, the installs at the start, and maintenance.

migrate ─▶ open the services ─┬─▶ serve, here or in workers
                              ├─▶ serve commands on the control socket
                              ├─▶ maintenance
                              └─▶ install the sources
runner and gateway ready ─▶ write platform.json ─┬─▶ on_ready
                          sources are installed ─┘
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import structlog

import holdfast
from holdfast.errors import HoldfastError
from holdfast.gateway.audit.maintenance import run_audit_loop
from holdfast.gateway.services import Services
from holdfast.platform.control.messages import PlatformDescription, shown_location
from holdfast.platform.control.server import ControlServer
from holdfast.platform.control.socket_file import listen_in_data_folder
from holdfast.platform.credentials import credentials_file_of, ensure_account
from holdfast.platform.gateway_processes import Serving, serve_here, serve_in_workers
from holdfast.platform.lock_file import write_state
from holdfast.platform.maintenance import run_expiry_loop, run_maintenance_loop
from holdfast.platform.run import Ready, Run, SourceInstaller
from holdfast.platform.runner_processes import wait_for_runner
from holdfast.platform.scheduler.supervised import run_scheduler_process
from holdfast.platform.services import open_services
from holdfast.platform.signals import run_together
from holdfast.processes.garbage_collection import freeze_memory
from holdfast.processes.unix_sockets import SocketFolderUnusable
from holdfast.records.development_tenant import DevelopmentAccount
from holdfast.registry.installs.results import Installed
from holdfast.registry.migrate import migrate

_log = structlog.get_logger(__name__)


async def serve_application(run: Run, held: ExitStack, on_ready: Callable[[Ready], None]) -> None:
    """Serves until it is cancelled. Calls `on_ready` once.

    Raises DatabaseError and the errors of the services; what workers share is removed with `held`.
    """
    settings = run.settings
    await migrate(settings.resolved_database_url)
    async with open_services(settings, serves=len(run.listening) == 1) as services:
        account = await _account(services, is_needed=bool(run.sources))
        serving = _serving(run, services, held)

        async def wait_until_ready() -> None:
            await serving.wait_until_ready()
            await wait_for_runner(services.runner, run.runner)
            write_state(settings.data_dir, run.running)

        async def prepare() -> None:
            _, (installed, failed), _ = await asyncio.gather(
                wait_until_ready(), _install_all(services, run.sources, run.installer), add_samples_in_development(services, account)
            )
            # Installs of the last run and of these sources: their first call should find them compiled.
            await services.preparation.prepare_all()
            on_ready(Ready(run.running, account, installed, failed))
            freeze_memory()
            if run.schedules:
                # After everything that a person waits for.
                await run_scheduler_process(settings, services.db)

        await run_together(
            [
                prepare(),
                serving.run(),
                _serve_commands(run, services, None if account is None else credentials_file_of(settings)),
                run_maintenance_loop(services.installs, services.publishing),
                run_expiry_loop(services.db),
                run_audit_loop(services.db, settings),
            ]
        )


def _serving(run: Run, services: Services, held: ExitStack) -> Serving:
    if len(run.listening) == 1:
        return serve_here(services, run.listening[0], stop_seconds=run.stop_seconds)
    return serve_in_workers(run.settings, run.listening, held, stop_seconds=run.stop_seconds)


async def _account(services: Services, *, is_needed: bool) -> DevelopmentAccount | None:
    """The development account, created if it is missing. Production has none unless `is_needed`: it would be an unasked way in."""
    if services.is_development or is_needed:
        return await ensure_account(services.settings, services.db)
    return None


async def add_samples_in_development(services: Services, account: DevelopmentAccount | None) -> None:
    """Gives an empty development tenant clients, services and an invoice. Production never gets any."""
    if account is None or not services.is_development:
        return
    from holdfast.records.billing.samples import add_samples

    if await add_samples(services.db, account.tenant_id, now=services.now()):
        _log.debug("sample_records_added", tenant=account.tenant_id)


async def _install_all(
    services: Services, sources: Sequence[Path], installer: SourceInstaller
) -> tuple[list[Installed], list[tuple[Path, HoldfastError]]]:
    # A build uses one core for seconds: more concurrent builds than cores only slow each other down.
    limit = asyncio.Semaphore(os.cpu_count() or 1)
    async with installer.open(services.settings, services.db, services.store) as install:

        async def install_one(source: Path) -> Installed | tuple[Path, HoldfastError]:
            async with limit:
                try:
                    return await install(source)
                except HoldfastError as error:
                    return source, error

        outcomes = await asyncio.gather(*(install_one(source) for source in sources))
    return [done for done in outcomes if isinstance(done, Installed)], [done for done in outcomes if isinstance(done, tuple)]


async def _serve_commands(run: Run, services: Services, credentials: Path | None) -> None:
    """Serves until it is cancelled. Where the file system has no sockets, it serves nothing: then only commands suffer."""
    async with run.operations(services, has_own_runner=run.runner is not None) as operations:
        try:
            with listen_in_data_folder(run.settings.data_dir) as listening:
                await ControlServer(listening, _describe(run, credentials), operations).run()
        except SocketFolderUnusable as unusable:
            _log.warning("commands cannot reach this platform", reason=unusable.message)


def _describe(run: Run, credentials: Path | None) -> PlatformDescription:
    """What a command learns about this run. `credentials` is the file of its development account, if it has one."""
    settings = run.settings
    return PlatformDescription(
        version=holdfast.__version__,
        pid=os.getpid(),
        console=run.running.console,
        runner=run.running.runner,
        environment=settings.environment,
        data_dir=str(settings.data_dir.resolve()),
        database=shown_location(settings.resolved_database_url),
        bundle_store=shown_location(settings.resolved_bundle_store),
        credentials=None if credentials is None else str(credentials.resolve()),
    )
