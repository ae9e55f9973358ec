"""Roles: what their holders may do. There is one, Admin, which may do everything there is to do in its tenant."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.identities import Identity
from holdfast.records.models.users import Permission, Role, RolePermission, Tenant, UserRole

ADMIN = "Admin"
ADMIN_PERMISSIONS = (
    *(("extension", "read"), ("extension", "write"), ("user", "read"), ("user", "write")),
    *(("client", "read"), ("client", "write"), ("service", "read"), ("service", "write")),
    *(("invoice", "read"), ("invoice", "create")),
)


async def ensure_admin_role(session: AsyncSession, tenant_id: str) -> str:
    """The tenant's role Admin, holding ADMIN_PERMISSIONS; what lacks is made. Returns its id."""
    # Two transactions that both miss the role wait for each other; others may refer to the tenant meanwhile.
    await session.execute(select(Tenant.tenant).where(Tenant.tenant == tenant_id).with_for_update(key_share=True))
    role = await session.scalar(select(Role).where(Role.tenant == tenant_id, Role.role_name == ADMIN))
    if role is None:
        role = Role(role_id=new_id(), tenant=tenant_id, role_name=ADMIN)
        session.add(role)
        await session.flush()
    for resource, action in ADMIN_PERMISSIONS:
        permission = await session.scalar(
            select(Permission).where(Permission.tenant == tenant_id, Permission.resource == resource, Permission.action == action)
        )
        if permission is None:
            permission = Permission(permission_id=new_id(), tenant=tenant_id, resource=resource, action=action)
            session.add(permission)
            await session.flush()
        if await session.get(RolePermission, (role.role_id, permission.permission_id)) is None:
            session.add(RolePermission(role_id=role.role_id, permission_id=permission.permission_id, tenant=tenant_id))
    await session.flush()
    return role.role_id


async def lacks_admin_permissions(db: Database, identity: Identity) -> bool:
    """Whether the roles of the user, whom an earlier version may have made an administrator, lack one of ADMIN_PERMISSIONS."""
    query = (
        select(Permission.resource, Permission.action)
        .join(RolePermission, RolePermission.permission_id == Permission.permission_id)
        .join(UserRole, UserRole.role_id == RolePermission.role_id)
        .where(UserRole.user_id == identity.user_id, Permission.tenant == identity.tenant_id)
    )
    async with db.session() as session:
        held = {(resource, action) for resource, action in await session.execute(query)}
    return not held.issuperset(ADMIN_PERMISSIONS)


async def make_admin(session: AsyncSession, tenant_id: str, user_id: str) -> None:
    """Grants a user of the tenant the role Admin; no effect on a user who has it."""
    role_id = await ensure_admin_role(session, tenant_id)
    if await session.get(UserRole, (user_id, role_id)) is None:
        session.add(UserRole(user_id=user_id, role_id=role_id, tenant=tenant_id))
        await session.flush()


async def is_admin(db: Database, identity: Identity) -> bool:
    """True when the user has the role Admin; what an API key leaves of it is another question."""
    query = select(UserRole.user_id).join(Role, Role.role_id == UserRole.role_id)
    query = query.where(UserRole.user_id == identity.user_id, UserRole.tenant == identity.tenant_id)
    async with db.session() as session:
        return await session.scalar(query.where(Role.tenant == identity.tenant_id, Role.role_name == ADMIN)) is not None
