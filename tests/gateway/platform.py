"""A gateway with a database, a store, an installed extension, users of every kind, and a runner that records requests."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.responses import JSONResponse

from holdfast.bundles.store.folder import FolderStore
from holdfast.events.memory import MemoryStream
from holdfast.gateway.app import gateway_fast_routes, gateway_routes
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.services import Services
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.records.api_keys import create_api_key
from holdfast.records.database.database import Database
from holdfast.records.identities import Identity
from holdfast.records.sessions import create_session
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionExecutionLog
from holdfast.settings import Settings
from tests.events.recording_server import RecordingServer, recording_server, serving
from tests.gateway.first_install import add_first_install
from tests.records.databases import TENANT, add_user, migrated
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of
from tests.waiting import until

ORIGIN = "http://gateway.test"
SERVICE_TOKEN = "the service token of these tests"
INTERNAL_TOKEN = "the internal token of these tests"
AUTH_KEY = "the lookup key of these tests"


Front = Literal["asgi", "fast", "uvicorn"]
"""How requests reach the handlers of a platform."""


@dataclass
class Seconds:
    """A monotonic clock that stands still until a test moves it."""

    value: float = 0.0

    def __call__(self) -> float:
        return self.value


@dataclass(kw_only=True)
class Platform:
    services: Services
    runner: RecordingServer
    app: Starlette
    http: httpx2.AsyncClient
    installed: Installed
    folder: Path
    seconds: Seconds = field(default_factory=Seconds)

    @property
    def db(self) -> Database:
        return self.services.db

    def respond_with(self, body: bytes | None = b"", status: int = 200, headers: dict[str, Any] | None = None, **more: Any) -> None:
        """From now on, the runner reports this response of the extension."""
        encoded = None if body is None else base64.b64encode(body).decode()
        self.runner.reply({"status": status, "headers": headers or {}, "body_b64": encoded, "error": None, **more})

    def fail(self, code: str, message: str = "it broke") -> None:
        """From now on, the runner reports that the call failed."""
        failure = {"code": code, "message": message, "guest_stack": ["handler.js:7"], "stderr": ["oops"]}
        self.runner.answer = lambda _: JSONResponse(
            {"status": 500, "headers": {}, "body_b64": None, "error": f"execute_failed: {message}", "failure": failure}
        )

    async def key_of(self, user: Identity, **options: Any) -> dict[str, str]:
        """Headers with an API key of the user."""
        key = await create_api_key(self.db, tenant_id=user.tenant_id, user_id=user.user_id, **options)
        return {"authorization": f"Bearer {key}"}

    async def cookie_of(self, user: Identity) -> dict[str, str]:
        """Headers with a session cookie of the user."""
        token, _ = await create_session(self.db, user)
        return {"cookie": f"{SESSION_COOKIE}={token}"}

    async def admin(self) -> dict[str, str]:
        """Headers with an API key of an administrator."""
        return await self.key_of(await add_user(self.db, "admin@example.com", admin=True))

    async def log(self) -> list[ExtensionExecutionLog]:
        """The audit log, with the ends of all calls that have ended."""
        await self.services.audit.flush()
        async with self.db.session() as session:
            return list((await session.scalars(select(ExtensionExecutionLog).order_by(ExtensionExecutionLog.started_at))).all())

    async def install(self, file: str = "a.tar.zst", *, tenant_id: str = TENANT, **changes: Any) -> Installed:
        return await install_archive(
            collaborators(self.db, self.services.store),
            archive_of(self.folder / file, **changes),
            actor=local_actor(tenant_id),
            check_component=None,
        )


@asynccontextmanager
async def platform(folder: Path, *, front: Front = "asgi", database_url: str | None = None, **settings: Any) -> AsyncIterator[Platform]:
    """The whole platform, in production unless `settings` say otherwise; without a URL, the database is an SQLite file.

    Its client calls the application itself, or, through a socket, a server with the fast path (`fast`) or without one (`uvicorn`).
    """
    options: dict[str, Any] = {"environment": "production", "gateway_timeout_ms": 5_000, "_env_file": None} | settings
    seconds = Seconds()
    async with migrated(folder, url=database_url) as db, recording_server() as runner:
        services = Services(
            settings=Settings(**options),
            db=db,
            store=FolderStore(folder / "bundles"),
            events=MemoryStream(first_id=1),
            runner=RunnerClient(runner.url, SERVICE_TOKEN),
            tokens=Tokens(SERVICE_TOKEN, INTERNAL_TOKEN, AUTH_KEY),
            clock=seconds,
        )
        installed = await add_first_install(db, folder / "bundles")
        app = Starlette(routes=gateway_routes(services))
        async with (
            _closing(services),
            _transport(app, services, front) as transport,
            httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http,
        ):
            running = Platform(services=services, runner=runner, app=app, http=http, installed=installed, folder=folder, seconds=seconds)
            running.respond_with(b"hello", headers={"content-type": "text/plain"})
            async with services.changes.follow():
                # On Postgres, what is in memory counts only once the feed has a lease.
                await until(lambda: services.changes.mark() is not None)
                yield running


@asynccontextmanager
async def _closing(services: Services) -> AsyncIterator[None]:
    """Closes the parts, also after a failure: what they still do would show in the tests that follow."""
    try:
        yield
    finally:
        await services.close_preparation()
        await services.close_audit()
        await services.close_limits()
        await services.runner.close()


@asynccontextmanager
async def _transport(app: Starlette, services: Services, front: Front) -> AsyncIterator[httpx2.AsyncBaseTransport]:
    if front == "asgi":
        yield httpx2.ASGITransport(app=app)
        return
    routes = gateway_fast_routes(services) if front == "fast" else None
    async with serving(app, routes=routes) as port, httpx2.AsyncHTTPTransport() as sockets:
        yield _ToPort(sockets, port)


class _ToPort(httpx2.AsyncBaseTransport):
    """Sends every request to a port of this machine, with the host of its address in the header."""

    def __init__(self, sockets: httpx2.AsyncHTTPTransport, port: int) -> None:
        self._sockets = sockets
        self._port = port

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._sockets.handle_async_request(request)
