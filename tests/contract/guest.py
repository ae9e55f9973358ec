"""Calls the contract's guest without a runner: an engine and its host functions, like the original's loader with its host context."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Engine, Limits
from holdfast.hostcalls import CallContext, HostServices
from holdfast.settings import Settings
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability
from holdfast.world.types import ContextData, ExecuteRequest, HttpRequest
from tests.hostcalls.calling import ListSink
from tests.runner.conftest import EXTENSION, TENANT

PATIENT = Limits(timeout_ms=60_000, memory_mb=64)
"""Generous, because these tests are not about deadlines. The original's one and five seconds could pass on a busy machine."""


@asynccontextmanager
async def host_services(**settings: Any) -> AsyncIterator[HostServices]:
    """The host services that all calls of one process share; settings by field name."""
    fields: dict[str, Any] = {"_env_file": None, "runner_service_token": "the-service-token"}
    services = HostServices.from_settings(Settings(**(fields | settings)), ListSink())
    try:
        yield services
    finally:
        await services.close()


class Loader:
    """One component and the host functions that it can call."""

    def __init__(self, engine: Engine, component: Path, host: HostServices) -> None:
        self._engine = engine
        self._component = component
        self._host = host

    async def execute(
        self, url: str, *granted: Capability, body: bytes | None = None, secrets: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Returns status, headers and JSON of a POST. `granted` adds capabilities to those of every call."""
        component = await self._engine.load(self._component, hash_file(self._component))
        call = CallContext(request_id="request-1", tenant_id=TENANT, extension_id=EXTENSION)
        call_host = self._host.call_host(call, ALWAYS_GRANTED | frozenset(granted), secrets)
        context = ContextData(call.request_id, call.tenant_id, call.extension_id, call.install_id, call.version_id)
        outcome = await self._engine.execute(component, ExecuteRequest(context, HttpRequest("POST", url, [], body)), call_host, PATIENT)
        assert outcome.response is not None, outcome.failure
        response = outcome.response
        return response.status, {header.name: header.value for header in response.headers}, json.loads(response.body or b"")
