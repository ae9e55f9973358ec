"""The endpoints that a schedule may call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.schedules import EndpointInfo
from holdfast.records.database.uuids import as_uuid
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
    """The endpoint that `text` names: `/path`, `path`, `METHOD /path` or its id. Of two methods with one path, GET. Raises ValueError."""
    if len(text) > ENDPOINT_MAX_LENGTH:
        raise ValueError("Endpoint too long")
    if (endpoint_id := as_uuid(text)) is not None:
        return _choose_by_id(endpoints, str(endpoint_id))
    method, _, path = text.strip().rpartition(" ")
    path = normalise_path(path)
    found = [
        one for one in endpoints if one.schedulable and normalise_path(one.path) == path and method.strip().upper() in ("", one.method)
    ]
    if not found:
        raise ValueError(NOT_SCHEDULABLE)
    return min(found, key=lambda one: one.method)


def _choose_by_id(endpoints: Sequence[EndpointInfo], endpoint_id: str) -> EndpointInfo:
    found = next((one for one in endpoints if one.id == endpoint_id), None)
    if found is None:
        raise ValueError("Selected endpoint does not belong to the installed version")
    if found.method not in _METHODS:
        raise ValueError("Only GET and POST endpoints are schedulable in v1")
    if not found.schedulable:
        raise ValueError("Endpoints with path parameters are not schedulable in v1")
    return found
