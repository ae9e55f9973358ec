"""The interface `http`: requests to the outside."""

from __future__ import annotations

from holdfast.hostcalls.session import Refused, Session
from holdfast.world.types import HttpError, HttpRequest, HttpResponse


async def fetch(session: Session, request: HttpRequest) -> HttpResponse:
    """Sends one request, if the install was granted its host and the call has fetches left. Redirects come back as they are."""
    if session.fetches >= session.limits.fetches:
        raise Refused(HttpError.NOT_ALLOWED, f"the call has made {session.limits.fetches} fetches, which is its limit")
    session.fetches += 1
    async with session.fetch_slots:
        return await session.fetcher.fetch(request, session.egress)
