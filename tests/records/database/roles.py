"""Statements that add and read roles, for tests of the database."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction, Job
from holdfast.records.database.prepared import Prepared
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import Role
from tests.records.databases import TENANT

ADD_ROLE = Prepared(
    insert(Role).values(role_id=bindparam("role_id"), tenant=TENANT, role_name=bindparam("role_name"), msp=True, client=False)
)
ROLE_NAMES = Prepared(select(Role.role_name).order_by(Role.role_name))


def adding(name: str) -> Job[None]:
    """A job that adds the role."""

    async def job(tx: HotTransaction) -> None:
        await tx.execute(ADD_ROLE, {"role_id": new_id(), "role_name": name})

    return job


async def role_names(db: Database) -> list[str]:
    """The names of all roles, in order."""

    async def job(tx: HotTransaction) -> list[str]:
        return [name for (name,) in await tx.execute(ROLE_NAMES)]

    return await db.read(job)
