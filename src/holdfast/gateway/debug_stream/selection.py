"""Which debug events a client gets, and their form."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request

from holdfast.events.model.stream import NOT_STORED, Entry
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.permissions import require_permission
from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.services import Services
from holdfast.registry.installs.call_context import install_context


class EventResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A debug event. `ts` is milliseconds since the epoch."""

    id: str
    ts: int
    level: str
    stream: str
    tenant_id: str
    extension_id: str
    install_id: str | None
    request_id: str | None
    version_id: str | None
    content_hash: str | None
    message: str
    truncated: bool


class Selection(Struct, frozen=True):
    """Which events a client gets: those of its tenant and one extension (a registry id); if set, only of one install or one request
    (ids in lower case)."""

    tenant_id: str
    extension_id: str
    install_id: str | None
    request_id: str | None

    def includes(self, entry: Entry) -> bool:
        event_id, event = entry
        # An event about the stream itself, which is not stored, is for every client.
        return event_id == NOT_STORED or (_matches(event.install_id, self.install_id) and _matches(event.request_id, self.request_id))


async def read_selection(services: Services, request: Request) -> Selection:
    """The events that the query asks for and the caller may see. Needs `extension:read`; the tenant is always the caller's."""
    caller = await caller_of(services, request)
    require_permission(caller, "extension:read")
    tenant_id = caller.identity.tenant_id
    query = request.query_params
    if (named := query.get("tenantId", "").strip()) and named.lower() != tenant_id.lower():
        raise GatewayError("tenant_mismatch", "You see only the events of your own tenant.", hint="Omit tenantId.")
    extension = query.get("extensionId", "").strip()
    if not extension:
        raise InvalidRequest("extensionId is required.", hint="Add ?extensionId= with the id or name of an extension.")
    context = await install_context(services.db, tenant_id, extension, only_enabled=False)
    if context is None:
        raise GatewayError(
            "extension_not_available",
            f"The extension {extension} is not installed for your tenant.",
            hint="`holdfast list` shows what is installed.",
        )
    return Selection(
        tenant_id,
        context.registry_id,
        query.get("installId", "").strip().lower() or None,
        query.get("requestId", "").strip().lower() or None,
    )


def event_result(entry: Entry) -> EventResult:
    """A stored event as clients get it."""
    event_id, event = entry
    return EventResult(
        id=event_id,
        ts=event.ts,
        level=event.level,
        stream=event.stream,
        tenant_id=event.tenant_id,
        extension_id=event.extension_id,
        install_id=event.install_id,
        request_id=event.request_id,
        version_id=event.version_id,
        content_hash=event.content_hash,
        message=event.message,
        truncated=event.truncated,
    )


def _matches(actual: str | None, wanted: str | None) -> bool:
    return wanted is None or (actual or "").lower() == wanted
