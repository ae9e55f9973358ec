"""Gateway, runner and guest in one process, with sockets between them, and a server for fetches: what host functions need to work.

test ── POST /api/ext/… ──▶ gateway ──▶ runner ──▶ guest ── host function ──▶ gateway (internal APIs, routes), or the other server
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import update
from starlette.responses import Response

from holdfast.bundles.archive.packing import pack
from holdfast.contract.background_call import BackgroundCall
from holdfast.gateway.runners import RunnerClient
from holdfast.records.database.uuids import new_id
from holdfast.records.models.billing import Service
from holdfast.records.models.users import Client
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import replace_config
from holdfast.registry.installs.grants import revoke
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import TenantExtensionInstallSecrets
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings
from tests.events.recording_server import RecordingServer, recording_server, serving
from tests.gateway.platform import INTERNAL_TOKEN, SERVICE_TOKEN, Platform, platform
from tests.hostcalls.calling import ListSink
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.registry.collaborators import collaborators
from tests.runner.serving import served
from tests.waiting import MAX_WAIT_SECONDS

KEY = "b2xkZXN0IGtleSBvZiB0aGUgdGVzdHMsIDMyIGJ5dGU="
ARTIFACTS = Path(__file__).parents[3] / "build" / "test-artifacts"
NAMES = {"typescript": "host-functions", "python": "host-functions-python"}
CLIENT, SERVICE = "aaaaaaa1-0000-4000-8000-000000000000", "bbbbbbb1-0000-4000-8000-000000000000"
Situation = Literal["granted", "not granted", "over quota", "bad input", "backend down"]
Language = Literal["typescript", "python"]


@dataclass(kw_only=True)
class Stack:
    """`granted` and `denied` are headers of administrators: of a tenant with all grants, and of one without any that can be refused."""

    platform: Platform
    target: RecordingServer
    closed_port: int
    events: ListSink
    working: RunnerClient
    cut_off: RunnerClient
    """A runner whose application cannot be reached."""
    installs: dict[str, Installed] = field(default_factory=dict)
    granted: dict[str, str] = field(default_factory=dict)
    denied: dict[str, str] = field(default_factory=dict)

    async def call(self, language: Language, function: str, given: Mapping[str, Any], situation: Situation) -> Any:
        """The guest's answer: `{"ok": value}` or `{"error": code}`."""
        self.platform.seconds.value += 600.0  # rate limits recover: they are the subject of other tests
        self.platform.services.runner = self.cut_off if situation == "backend down" else self.working
        response = await self.platform.http.post(
            f"/api/ext/com.holdfast.test.{NAMES[language]}/{function}",
            params={"burn": 1_000} if situation == "over quota" else None,
            json=await self._filled(language, given),
            headers=self.denied if situation == "not granted" else self.granted,
            timeout=MAX_WAIT_SECONDS,
        )
        assert response.status_code == 200, response.text
        return response.json()

    async def call_by_schedule(self, language: Language, function: str, given: dict[str, Any] | None = None) -> tuple[Any, str]:
        """As `call`, made by a schedule, without a user. Returns the guest's answer, which it logs then, and the id of the schedule."""
        self.platform.services.runner = self.working
        schedule_id = await self._value(language, "{schedule}")
        call = BackgroundCall(
            tenant_id=TENANT,
            install_id=self.installs[language].install_id,
            number=1,
            method="POST",
            path=f"/{function}",
            trigger="schedule",
            schedule_id=schedule_id,
            body_b64=json.dumps(given or {}).encode(),
        )
        response = await self.platform.http.post(
            f"/api/internal/ext-background/calls/{new_id()}",
            content=msgspec.json.encode(call),
            headers={"x-runner-auth": INTERNAL_TOKEN, "content-type": "application/json"},
            timeout=MAX_WAIT_SECONDS,
        )
        assert response.json()["status"] == "success", response.text
        answers = [message.removeprefix("answer ") for message in self.events.messages if message.startswith("answer ")]
        return json.loads(answers[-1]), schedule_id

    @asynccontextmanager
    async def expired_secrets(self, language: Language) -> AsyncIterator[None]:
        """Within the block, the secrets of the granted install have expired."""
        install_id = self.installs[language].install_id
        await self._set_secrets_end(install_id, datetime(2020, 1, 1, tzinfo=UTC))
        try:
            yield
        finally:
            await self._set_secrets_end(install_id, None)

    async def _set_secrets_end(self, install_id: str, end: datetime | None) -> None:
        secrets = TenantExtensionInstallSecrets
        async with self.platform.db.transaction() as session:
            await session.execute(update(secrets).where(secrets.install_id == install_id).values(expires_at=end))

    async def _filled(self, language: Language, given: Mapping[str, Any]) -> dict[str, Any]:
        """The input with what exists only now: addresses, and a schedule that no one has changed yet."""
        return {name: await self._value(language, value) for name, value in given.items()}

    async def _value(self, language: Language, value: Any) -> Any:
        match value:
            case "{target}":
                return f"http://localhost:{self.target.port}/x"
            case "{down}":
                return f"http://localhost:{self.closed_port}/x"
            case "{schedule}":
                made = await self.platform.services.schedules.create(
                    TENANT, self.installs[language].install_id, endpoint="POST /daily", cron="0 9 * * *"
                )
                return made.id
        return value


@asynccontextmanager
async def running_stack(folder: Path, built: Callable[[str], Path]) -> AsyncIterator[Stack]:
    """The stack with both extensions installed for two tenants."""
    shared: dict[str, Any] = {"environment": "development", "secrets_key": KEY}
    with _closed_port() as closed:
        async with (
            platform(folder, front="fast", gateway_timeout_ms=60_000, **shared) as running,
            serving(running.app) as port,
            recording_server() as target,
        ):
            target.answer = lambda _: Response(b"fetched")
            here, nowhere = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{closed}"
            common: dict[str, Any] = shared | {
                "_env_file": None,
                "artifact_root": ARTIFACTS,
                "bundle_store_base": str(folder / "bundles"),
                "runner_service_token": SERVICE_TOKEN,
                "runner_storage_api_token": INTERNAL_TOKEN,
                "egress_allowlist": f"http://localhost:{target.port},http://localhost:{closed}",
                "engine_pool": False,
            }
            events = ListSink()
            async with (
                _runner(events, data_dir=folder / "a", registry_base_url=here, ui_proxy_base_url=here, **common) as working,
                _runner(events, data_dir=folder / "b", registry_base_url=nowhere, ui_proxy_base_url=nowhere, **common) as cut_off,
            ):
                stack = Stack(platform=running, target=target, closed_port=closed, events=events, working=working, cut_off=cut_off)
                await _furnish(stack, built)
                yield stack


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port that refuses connections, and that no other process can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@asynccontextmanager
async def _runner(events: ListSink, **settings: Any) -> AsyncIterator[RunnerClient]:
    services = await RunnerServices.open(Settings(**settings), events=events)
    try:
        async with served(services) as port:
            client = RunnerClient(f"http://127.0.0.1:{port}", SERVICE_TOKEN)
            try:
                yield client
            finally:
                await client.close()
    finally:
        await services.close()


async def _furnish(stack: Stack, built: Callable[[str], Path]) -> None:
    db, services = stack.platform.db, stack.platform.services
    for tenant in (TENANT, OTHER_TENANT):
        async with db.transaction() as session:
            client_id, service_id = (CLIENT, SERVICE) if tenant == TENANT else (new_id(), new_id())
            session.add(Client(client_id=client_id, tenant=tenant, client_name=f"Acme of {tenant[0]}"))
            session.add(Service(service_id=service_id, tenant=tenant, service_name=f"Support of {tenant[0]}"))
        for language, name in NAMES.items():
            actor, extension = local_actor(tenant), f"com.holdfast.test.{name}"
            installed = await install_archive(collaborators(db, services.store), pack(built(name)).path, actor=actor, check_component=None)
            await services.secrets.set(actor=actor, extension=extension, values={"token": f"secret of {tenant[0]}"})
            await replace_config(db, actor=actor, extension=extension, config={"limit": 25, "isOn": False, "name": "7"})
            if tenant == TENANT:
                stack.installs[language] = installed
            else:
                await revoke(db, actor=actor, extension=extension, capabilities=installed.granted)
    stack.granted = await stack.platform.key_of(await add_user(db, "ada@example.com", admin=True))
    stack.denied = await stack.platform.key_of(await add_user(db, "eve@example.com", tenant_id=OTHER_TENANT, admin=True))
    for language in get_args(Language):
        assert "ok" in await stack.call(language, "storage.put", {"namespace": "notes", "key": "a", "value": "seed"}, "granted")
