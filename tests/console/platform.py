"""The platform application on a real database, for tests that need no browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from holdfast.bundles.store.folder import FolderStore
from holdfast.console.app import create_platform_app
from holdfast.console.login_rate_limit import LoginRateLimit
from holdfast.events.memory import MemoryStream
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.gateway.limits.open_limits import SharedBuckets
from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.services import Services
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.records.accounts import ensure_development_tenant
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.development_tenant import DevelopmentAccount
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.settings import Settings
from tests.records.databases import migrated
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

ORIGIN = "http://console.test"
PASSWORD = "correct horse"


@dataclass
class Platform:
    """The application and its parts."""

    app: Starlette
    db: Database
    store: FolderStore
    account: DevelopmentAccount
    folder: Path

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """An HTTP client without a session. It sends the Origin header only where a test adds it."""
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            yield client

    @asynccontextmanager
    async def logged_in(self, email: str | None = None, password: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with a session of that account, by default the development administrator's."""
        async with self.client() as client:
            response = await post_login(client, email or self.account.email, password or self.account.password)
            assert response.status_code == 303
            assert SESSION_COOKIE in client.cookies
            yield client

    async def install(self, tenant_id: str | None = None, **manifest: Any) -> Installed:
        """Installs an extension with that manifest (see tests.registry.extensions)."""
        archive = archive_of(self.folder / f"{new_id()}.tar.zst", **manifest)
        return await install_archive(
            collaborators(self.db, self.store), archive, actor=local_actor(tenant_id or self.account.tenant_id), check_component=None
        )


@asynccontextmanager
async def platform_at(folder: Path, *, database_url: str | None = None, **settings: Any) -> AsyncIterator[Platform]:
    """A fresh platform in a folder, on a database that has its tables, or one in the folder."""
    runner = RunnerClient("http://127.0.0.1:9", "token")
    try:
        async with migrated(folder, url=database_url) as db:
            account = await ensure_development_tenant(db, folder / "credentials.json")
            store = FolderStore(folder / "bundles")
            services = Services(
                settings=Settings(**{"data_dir": folder, **settings}),
                db=db,
                store=store,
                events=MemoryStream(),
                runner=runner,
                tokens=Tokens("token", "token"),
            )
            # A clock that stands still: how long logins take does not change what the rate limit allows.
            yield Platform(
                create_platform_app(services, login_rate_limit=LoginRateLimit(SharedBuckets(None, clock=lambda: 0.0).open)),
                db,
                store,
                account,
                folder,
            )
    finally:
        await runner.close()


async def post_login(client: httpx2.AsyncClient, email: str, password: str, **fields: str) -> httpx2.Response:
    return await client.post("/login", data={"email": email, "password": password, **fields}, headers={"origin": ORIGIN})
