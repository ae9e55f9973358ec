"""Opens and closes the services of a gateway process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from holdfast.bundles.store.open_store import open_store
from holdfast.concurrency.tasks import end_task
from holdfast.events import open_stream
from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.services import Services
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.records.database.database import Database
from holdfast.settings import Settings


@asynccontextmanager
async def open_services(settings: Settings, *, serves: bool = True) -> AsyncIterator[Services]:
    """The services of one process, for the length of the block. The settings name the runner, and the token that both share.

    A process that does not serve follows no changes: a revocation would wait for it. Raises GatewayError (`insecure_token`),
    InvalidRedisUrl, DatabaseError (`database_url_unusable`).
    """
    tokens = Tokens.from_settings(settings)
    db = Database(settings.resolved_database_url, durability=settings.database_durability)
    client = RunnerClient.from_settings(settings, tokens.service)
    try:
        async with open_stream(settings) as events:
            services = Services(settings=settings, db=db, store=open_store(settings), events=events, runner=client, tokens=tokens)
            try:
                async with _following(services) if serves else nullcontext():
                    yield services
            finally:
                await services.close_background()
                await services.close_preparation()
                await services.close_audit()
                await services.close_sealer()
                await services.close_limits()
    finally:
        await client.close()
        await db.close()


@asynccontextmanager
async def _following(services: Services) -> AsyncIterator[None]:
    """Follows changes that other processes make, and prepares what they install, during the block."""
    async with services.changes.follow():
        preparing = asyncio.create_task(services.preparation.follow(services.changes), name="prepare what changes")
        try:
            yield
        finally:
            await end_task(preparing)
