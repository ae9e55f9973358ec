"""Calls host functions through the call_host, as the engine does."""

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
    """Keeps what was published."""

    def __init__(self) -> None:
        self.events: list[DebugEvent] = []

    def publish(self, event: DebugEvent) -> None:
        self.events.append(event)

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.events]


class NoBackend:
    """A backend that must not be asked."""

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any]) -> Reply:
        raise AssertionError(f"the application was asked: {service} {body}")


class NoResolver:
    """A resolver that must not be asked."""

    async def resolve(self, host: str, port: int) -> list[str]:
        raise AssertionError(f"a name was resolved: {host}")


class FixedResolver:
    """Gives each name's next answer, the last one for ever, and counts the questions."""

    def __init__(self) -> None:
        self._answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def add(self, name: str, *answers: Sequence[str]) -> FixedResolver:
        self._answers[name] = list(answers)
        return self

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise OSError("name not known")
        return list(answers.pop(0) if len(answers) > 1 else answers[0])


NO_NETWORK = Fetcher(resolver=NoResolver())


def make_call(**fields: Any) -> CallContext:
    """A call of the development tenant with an install; any field can be replaced."""
    given: dict[str, Any] = {
        "request_id": "r-1",
        "tenant_id": TENANT,
        "extension_id": EXTENSION,
        "install_id": INSTALL,
        "version_id": "v-1",
    }
    return CallContext(**(given | fields))


class Caller:
    """A call_host, the events it published, and a way to call functions by id."""

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

    async def ask(self, function_id: str, *args: object) -> Any:
        """The function's value; raises WitError for its error case."""
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            return await self.call_host.call(FUNCTIONS_BY_ID[function_id], args)

    async def case(self, function_id: str, *args: object) -> StrEnum:
        """The error case of a call that is refused."""
        try:
            answer = await self.ask(function_id, *args)
        except WitError as error:
            return error.case
        raise AssertionError(f"not refused: {answer!r}")
