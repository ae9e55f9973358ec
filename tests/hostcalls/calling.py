"""Calls host functions through a CallHost, as the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from holdfast.contract.debug_event import DebugEvent
from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls import CallContext, CallHost, CallUser, Fetcher, HostBackend, HostLimits, Reply, Service, UiProxyClient
from holdfast.world.capabilities import Capability
from holdfast.world.functions import FUNCTIONS_BY_ID, WitError
from tests.waiting import MAX_WAIT_SECONDS

TENANT = "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
INSTALL = "0b0f1c3e-6f0a-4a53-9d0e-1f2a3b4c5d6e"
EXTENSION = "7c2f6f0e-1a2b-4c3d-8e9f-0a1b2c3d4e5f"
USER = CallUser(
    user_id="u-1",
    user_email="ana@example.com",
    user_name="Ana",
    user_type="internal",
    client_name="Acme",
    client_id="c-1",
    additional_fields={"z": "1", "a": "2"},
)
ALL = frozenset(Capability)


class ListSink:
    """Collects published events."""

    def __init__(self) -> None:
        self.events: list[DebugEvent] = []

    def publish(self, event: DebugEvent) -> None:
        self.events.append(event)

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.events]


class NoBackend:
    """A backend that fails the test when it is used."""

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        raise AssertionError(f"unexpected request to the application: {service} {body}")


class NoResolver:
    """A resolver that fails the test when it is used."""

    async def resolve(self, host: str, port: int) -> list[str]:
        raise AssertionError(f"unexpected lookup: {host}")


class FixedResolver:
    """Returns the next prepared result of a name (the last one repeats), and records the lookups."""

    def __init__(self) -> None:
        self._results: dict[str, list[Sequence[str]]] = {}
        self.lookups: list[str] = []

    def add(self, name: str, *results: Sequence[str]) -> FixedResolver:
        self._results[name] = list(results)
        return self

    async def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        results = self._results.get(host)
        if not results:
            raise OSError("name not known")
        return list(results.pop(0) if len(results) > 1 else results[0])


NO_NETWORK = Fetcher(resolver=NoResolver())


def make_call(**fields: Any) -> CallContext:
    """A call of the development tenant with an install; any field can be replaced."""
    defaults: dict[str, Any] = {
        "request_id": "r-1",
        "tenant_id": TENANT,
        "extension_id": EXTENSION,
        "install_id": INSTALL,
        "version_id": "v-1",
    }
    return CallContext(**(defaults | fields))


class Caller:
    """A CallHost, the events it published, and methods that call functions by id."""

    def __init__(
        self,
        *,
        granted: frozenset[Capability] = ALL,
        backend: HostBackend | None = None,
        secrets: Mapping[str, str] | None = None,
        ui_proxy: UiProxyClient | None = None,
        fetcher: Fetcher | None = None,
        limits: HostLimits | None = None,
        envelope: SecretEnvelope | None = None,
        **fields: Any,
    ) -> None:
        self.sink = ListSink()
        self.call_host = CallHost(
            make_call(secrets=envelope, **fields),
            granted,
            backend or NoBackend(),
            self.sink,
            fetcher=fetcher or NO_NETWORK,
            ui_proxy=ui_proxy,
            secrets=secrets,
            limits=limits,
        )

    async def call(self, function_id: str, *args: object) -> Any:
        """The function's value; raises WitError for its error case."""
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            return await self.call_host.call(FUNCTIONS_BY_ID[function_id], args)

    async def error_case(self, function_id: str, *args: object) -> StrEnum:
        """The error case of a call that fails."""
        try:
            value = await self.call(function_id, *args)
        except WitError as error:
            return error.case
        raise AssertionError(f"no error: {value!r}")
