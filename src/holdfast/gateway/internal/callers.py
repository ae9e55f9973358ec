"""On whose behalf an extension reads or creates records: a user, a schedule, or neither.

user ──────▶ active user of the tenant? ── internal: a role with the permission?
    │                                   └─ client user: its own client only, and only to read clients
schedule ──▶ a schedule of this install: what the install was granted
    │
neither ───▶ what the install was granted: runners of the existing platform may omit the user
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import select
from starlette.requests import Request

from holdfast.contract.call_headers import SCHEDULE_HEADER, USER_HEADER
from holdfast.gateway.internal.auth import InternalApiError
from holdfast.gateway.services import Services
from holdfast.records.credentials import read_user
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.installs.call_context import InstallContext
from holdfast.registry.models.installs import TenantExtensionSchedule

CLIENT_READ = "client:read"


class RecordAccess(Struct, frozen=True):
    """What the caller may see. `only_client` is the id of the one client, empty for none; None for all."""

    only_client: str | None = None


async def check_caller(
    services: Services, request: Request, install: InstallContext, permission: str, user_id: str | None = None
) -> RecordAccess:
    """Checks the permission, such as `client:read`, of who makes the call. `user_id` is the user that the body names.

    Raises InternalApiError (`NOT_ALLOWED`).
    """
    user_id = user_id or request.headers.get(USER_HEADER)
    if user_id is not None:
        return await _check_user(services, install, user_id, permission)
    schedule_id = request.headers.get(SCHEDULE_HEADER)
    if schedule_id is not None and not await _has_schedule(services, install, schedule_id):
        raise InternalApiError("NOT_ALLOWED", "The schedule of this call is not one of the install")
    return RecordAccess()


async def _check_user(services: Services, install: InstallContext, user_id: str, permission: str) -> RecordAccess:
    known_id = as_uuid(user_id)
    user = None if known_id is None else await read_user(services.db, install.tenant_id, known_id)
    if user is not None and user.identity.is_client and permission == CLIENT_READ:
        return RecordAccess(user.client_id or "")
    if user is None or permission not in user.permissions:
        raise InternalApiError("NOT_ALLOWED", f"Permission denied: the user of this call does not have {permission}")
    return RecordAccess()


async def _has_schedule(services: Services, install: InstallContext, schedule_id: str) -> bool:
    known_id = as_uuid(schedule_id)
    if known_id is None:
        return False
    query = select(TenantExtensionSchedule.id).where(
        TenantExtensionSchedule.id == known_id,
        TenantExtensionSchedule.install_id == install.install_id,
        TenantExtensionSchedule.tenant_id == install.tenant_id,
    )
    async with services.db.session() as session:
        return await session.scalar(query) is not None
