"""The endpoints that a schedule may call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.schedules import EndpointInfo
from holdfast.registry.installs.schedules import endpoint_ids
from holdfast.registry.models.endpoints import normalise_path
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionVersion

ENDPOINT_MAX_LENGTH = 256
NOT_SCHEDULABLE = "Endpoint not found or not schedulable"
_METHODS = ("GET", "POST")


async def read_endpoints_of(session: AsyncSession, version: ExtensionVersion, now: datetime) -> list[EndpointInfo]:
    """The endpoints of a version by path and method. In a transaction: rows that are missing are created."""
    await endpoint_ids(session, version, now)
    rows = await session.scalars(
        select(ExtensionApiEndpoint)
        .where(ExtensionApiEndpoint.version_id == version.id)
        .order_by(ExtensionApiEndpoint.path, ExtensionApiEndpoint.method)
    )
    return [
        EndpointInfo(id=row.id, method=row.method, path=row.path, handler=row.handler, schedulable=is_schedulable(row.method, row.path))
        for row in rows
    ]


def is_schedulable(method: str, path: str) -> bool:
    """Whether schedules may call it: GET or POST, without parameters in its path."""
    return method in _METHODS and not any(mark in path for mark in ":{}")


def choose_endpoint(endpoints: Sequence[EndpointInfo], text: str) -> EndpointInfo:
    """The endpoint that `text` names: `/path`, `path` or `METHOD /path`. Of two methods with one path, GET. Raises ValueError."""
    if len(text) > ENDPOINT_MAX_LENGTH:
        raise ValueError("Endpoint too long")
    method, _, path = text.strip().rpartition(" ")
    path = normalise_path(path)
    found = [
        one for one in endpoints if one.schedulable and normalise_path(one.path) == path and method.strip().upper() in ("", one.method)
    ]
    if not found:
        raise ValueError(NOT_SCHEDULABLE)
    return min(found, key=lambda one: one.method)
