"""The interface `http`: requests to other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast import __version__
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.types import HttpError, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from holdfast.hostcalls.network.fetch import FetchCaller

_TOKEN_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


async def fetch(session: Session, request: HttpRequest) -> HttpResponse:
    """Sends one request, if the install was granted its host and the call has fetches left. Returns redirects, never follows them."""
    if session.fetches >= session.limits.fetches:
        raise HostCallError(HttpError.NOT_ALLOWED, f"the call has made {session.limits.fetches} fetches, its limit")
    session.fetches += 1
    async with session.fetch_slots:
        return await session.fetcher.fetch(
            request, session.egress, session.count_egress, withheld=session.egress_withheld, caller=_caller(session)
        )


def user_agent(call: CallContext) -> str:
    """The `User-Agent` (RFC 9110, section 10.1.5) of an extension's requests: `Holdfast/VERSION (NAME/VERSION)`."""
    name = _token(call.extension_name or call.extension_id)
    version = _token(call.extension_version or "")
    return f"Holdfast/{__version__} ({name}{f'/{version}' if version else ''})"


def _token(text: str) -> str:
    return "".join(character if character in _TOKEN_CHARACTERS else "-" for character in text[:128])


def _caller(session: Session) -> FetchCaller:
    from holdfast.hostcalls.network.connections import InstallOfFetch  # when a guest fetches: most guests do not
    from holdfast.hostcalls.network.fetch import FetchCaller

    def report(reason: str) -> None:
        session.count("reported")
        session.events.host("warn", f"host call http.fetch: allowed only because EXT_EGRESS_MODE is report: {reason}")

    install_id = session.call.usable_install_id
    return FetchCaller(
        install=None if install_id is None else InstallOfFetch(session.call.tenant_id, install_id),
        user_agent=user_agent(session.call),
        on_reported=report,
    )
