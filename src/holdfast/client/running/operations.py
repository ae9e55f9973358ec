"""The platform's side of commands: runs their operations with the platform's own database, store and runner.

An operation is named `GROUP.NAME`: a method of the `Registry` (`registry`), of the `UserDirectory` (`users`), of the `RecordTables`
(`records`), of the `Schedules` (`schedules`), of the `StoredData` (`storage`), or of `Maintenance` (`maintenance`). Its arguments are
converted to the types of the method, so a command cannot pass anything else.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import msgspec

from holdfast.bundles.store.hashing import hash_file
from holdfast.client.component_check import ComponentCheck
from holdfast.client.data_folder import ensure_tenant, require_tenant
from holdfast.client.maintenance.database import Maintenance
from holdfast.client.progress import NoProgress
from holdfast.client.records.local import LocalRecordTables
from holdfast.client.records.protocol import RecordTables
from holdfast.client.registry.local import LocalRegistry
from holdfast.client.registry.protocol import Registry
from holdfast.client.schedules.local import LocalSchedules
from holdfast.client.schedules.protocol import Schedules
from holdfast.client.storage.local import LocalStoredData
from holdfast.client.storage.protocol import StoredData
from holdfast.client.users.local import LocalUserDirectory
from holdfast.client.users.protocol import UserDirectory
from holdfast.errors import CodedError
from holdfast.gateway.publishing.component_check import ComponentChecker, ComponentCheckFailed
from holdfast.gateway.services import Services
from holdfast.platform.control.messages import ControlRequest
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.publishing.inspection import CheckComponent

REGISTRY, USERS, RECORDS, STORAGE, MAINTENANCE = "registry", "users", "records", "storage", "maintenance"
SCHEDULES = "schedules"
MAX_VALID = 1_000
"""Components that are remembered as valid."""


class OperationUnknown(CodedError):
    """Raised for an operation that this version does not have, or for arguments that do not fit it."""

    STATUSES: ClassVar = {"operation_unknown": 400}


class PlatformOperations:
    """Implements `Operations` of the control socket, for a platform with these services."""

    def __init__(self, services: Services, *, has_own_runner: bool) -> None:
        self._services = services
        self._has_own_runner = has_own_runner
        self._engine = ComponentCheck(services.settings)
        self._check: CheckComponent = RunnerFirst(services, None if has_own_runner else self._engine)

    async def run(self, request: ControlRequest) -> Any:
        group, _, name = request.operation.partition(".")
        if group == MAINTENANCE:
            return await _call(Maintenance(self._services.settings, self._services.db), name, Maintenance, request)
        if group == USERS:
            return await _call(await self._users(request, name), name, UserDirectory, request)
        if group == RECORDS:
            records = LocalRecordTables(self._services.db, await self._tenant(request))
            return await _call(records, name, RecordTables, request)
        if group == STORAGE:
            # The platform's own storage, so that the writes of calls and of commands share its batches.
            stored = LocalStoredData(self._services.db, await self._tenant(request), self._services.storage)
            return await _call(stored, name, StoredData, request)
        if group == SCHEDULES:
            return await _call(await self._schedules(request), name, Schedules, request)
        if group == REGISTRY:
            registry = await self._registry(request)
            try:
                return await _call(registry, name, Registry, request)
            finally:
                await registry.close()
        raise _unknown(request.operation)

    async def close(self) -> None:
        """Closes the engine, if one was needed."""
        await self._engine.close()

    async def _users(self, request: ControlRequest, name: str) -> LocalUserDirectory:
        services = self._services
        if name == "tenants":
            return LocalUserDirectory(services.db, DEVELOPMENT_TENANT_ID)
        return LocalUserDirectory(services.db, await self._tenant(request))

    async def _schedules(self, request: ControlRequest) -> LocalSchedules:
        settings = self._services.settings
        return LocalSchedules(
            self._services.db,
            await self._tenant(request),
            lease=timedelta(seconds=settings.scheduler_lease_seconds),
            # As the supervisor decides it.
            starts_scheduler=self._has_own_runner and settings.scheduler == "auto",
        )

    async def _registry(self, request: ControlRequest) -> LocalRegistry:
        services = self._services
        # A command may ask for the rules of production. It cannot ask for those of development.
        settings = services.settings.replaced(environment="production") if request.strict else services.settings
        return LocalRegistry(
            settings,
            services.db,
            services.store,
            await self._tenant(request),
            check_component=self._check,
            on_runnable=services.preparation.install_changed,
        )

    async def _tenant(self, request: ControlRequest) -> str:
        await ensure_tenant(self._services.settings, self._services.db, request.tenant)
        return await require_tenant(self._services.db, request.tenant)


class RunnerFirst:
    """Checks components with the runner, which then has them compiled. Where it cannot, with an engine.

    Without an engine the runner is the platform's own. It says the same of the same component as long as the platform runs, so it is asked
    once: an install of what is installed already need not send megabytes.
    """

    def __init__(self, services: Services, engine: CheckComponent | None) -> None:
        self._runner = ComponentChecker(services.runner)
        self._engine = engine
        self._valid: dict[str, None] = {}

    async def __call__(self, component: Path) -> None:
        """Raises ComponentCheckFailed, or the error of the engine."""
        if self._engine is None:
            await self._check_once(component)
            return
        try:
            await self._runner(component)
        except ComponentCheckFailed as failed:
            if failed.code != "component_check_unavailable":
                raise
            await self._engine(component)

    async def _check_once(self, component: Path) -> None:
        digest = await asyncio.to_thread(hash_file, component)
        if digest not in self._valid:
            await self._runner(component)
        self._valid[digest] = None
        if len(self._valid) > MAX_VALID:
            del self._valid[next(iter(self._valid))]


@asynccontextmanager
async def open_operations(services: Services, *, has_own_runner: bool) -> AsyncIterator[PlatformOperations]:
    """The platform's `OpenOperations`."""
    operations = PlatformOperations(services, has_own_runner=has_own_runner)
    try:
        yield operations
    finally:
        await operations.close()


async def _call(target: Any, name: str, protocol: type[Any], request: ControlRequest) -> Any:
    """Calls the method of the target that the protocol has, with the arguments of the request."""
    # Only what the protocol declares.
    if name.startswith("_") or not inspect.iscoroutinefunction(getattr(protocol, name, None)):
        raise _unknown(request.operation)
    method = getattr(target, name)
    return await method(**_arguments(getattr(type(target), name), request))


def _arguments(function: Callable[..., Any], request: ControlRequest) -> dict[str, Any]:
    kinds = _kinds(function)
    try:
        arguments = {name: msgspec.convert(value, kinds[name], dec_hook=_read_path) for name, value in request.arguments.items()}
        if "progress" in kinds:
            arguments["progress"] = NoProgress()
        inspect.signature(function).bind(None, **arguments)
    except (KeyError, TypeError, msgspec.ValidationError) as wrong:
        raise _unknown(request.operation) from wrong
    return arguments


def _read_path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(kind)


@cache
def _kinds(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(function)


def _unknown(operation: str) -> OperationUnknown:
    return OperationUnknown(
        "operation_unknown",
        f"The running platform has no operation {operation[:100]!r} with these arguments.",
        hint="Restart the platform in the version of the command.",
    )
