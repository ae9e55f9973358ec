"""The event streams of development: what a session is asked, and the state of an extension for its open pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from holdfast.gateway.development.sessions import DevelopedExtension, DevelopmentSession
from holdfast.gateway.services import Services

CONNECTED = b": connected\n\n"
HEARTBEAT = b": still here\n\n"


async def session_frames(services: Services, tenant_id: str) -> AsyncGenerator[bytes, None]:
    """First the secret of the new session, then each check that it must answer. The session lasts as long as this generator."""
    with services.development.opened(tenant_id) as session:
        yield b"event: session\ndata: %s\n\n" % msgspec.json.encode({"secret": session.secret})
        while True:
            message = await _next(services, _next_message(session))
            if message is _STOPPED:
                return
            yield HEARTBEAT if message is None else b"event: check\ndata: %s\n\n" % str(message).encode()


async def page_frames(services: Services, tenant_id: str, registry_id: str) -> AsyncGenerator[bytes, None]:
    """The state of an extension now, and after each change; `null` while no `holdfast dev` builds it. Reconnecting loses nothing."""
    yield CONNECTED
    while True:
        sessions = services.development
        extension = sessions.find(tenant_id, registry_id)
        changed = sessions.began if extension is None else extension.changed
        yield state_frame(extension)
        while True:
            waited = await _next(services, _is_set(changed))
            if waited is _STOPPED:
                return
            if waited is not None:
                break
            yield HEARTBEAT


def state_frame(extension: DevelopedExtension | None) -> bytes:
    """The event `state`: the state as JSON."""
    return b"event: state\ndata: %s\n\n" % msgspec.json.encode(None if extension is None else extension.state)


_STOPPED = object()


async def _next_message(session: DevelopmentSession) -> str:
    return await session.messages.get()


async def _is_set(event: asyncio.Event) -> bool:
    return await event.wait()


async def _next(services: Services, waiting: Any) -> Any:
    """The result of `waiting`; None when the connection needs a sign of life first, _STOPPED when the process stops."""
    tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(services.stopping.wait())]
    try:
        await asyncio.wait(tasks, timeout=services.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED)
        if tasks[1].done():
            return _STOPPED
        return tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()
