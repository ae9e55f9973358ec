"""The interface `context`: the ids of the call."""

from __future__ import annotations

from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.types import ContextData


async def get_context(session: Session) -> ContextData:
    """The ids of the call."""
    call = session.call
    return ContextData(call.request_id, call.tenant_id, call.extension_id, call.install_id, call.version_id)
