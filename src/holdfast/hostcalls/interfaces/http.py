"""The interface `http`: requests to other servers."""

from __future__ import annotations

from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.types import HttpError, HttpRequest, HttpResponse


async def fetch(session: Session, request: HttpRequest) -> HttpResponse:
    """Sends one request, if the install was granted its host and the call has fetches left. Returns redirects, never follows them."""
    if session.fetches >= session.limits.fetches:
        raise HostCallError(HttpError.NOT_ALLOWED, f"the call has made {session.limits.fetches} fetches, its limit")
    session.fetches += 1
    async with session.fetch_slots:
        return await session.fetcher.fetch(request, session.egress, session.count_egress, withheld=session.egress_withheld)
