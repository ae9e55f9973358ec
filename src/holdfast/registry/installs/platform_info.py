"""What the existing platform's samples ask about an install: where its pages are served, and its endpoints."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.schedules import Call, endpoint_ids
from holdfast.registry.models.endpoints import Endpoint, normalise_path, read_endpoints
from holdfast.registry.models.queries import active_bundle

_SCHEDULABLE_METHODS = ("GET", "POST")


class InstallInfo(Struct, frozen=True, kw_only=True):
    """Where an install is served. `content_hash` is `sha256:` and 64 hexadecimal digits, or None without a bundle."""

    install_id: str
    runner_domain: str | None
    runner_status: dict[str, Any]
    tenant_id: str
    content_hash: str | None
    version_id: str


class EndpointInfo(Struct, frozen=True, kw_only=True):
    """An endpoint of an installed version. `schedulable`: a schedule may call it, as its method and path allow."""

    id: str
    method: str
    path: str
    handler: str
    schedulable: bool


async def read_install_info(db: Database, *, tenant_id: str, extension: str) -> InstallInfo:
    """The tenant's install of the extension (any of its names). Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
    async with db.session() as session:
        install, _, version = await require_install(session, tenant_id, extension)
        bundle = await active_bundle(session, version.id)
    return InstallInfo(
        install_id=install.id,
        runner_domain=install.runner_domain,
        runner_status=install.runner_status or {"state": "pending"},
        tenant_id=tenant_id,
        content_hash=None if bundle is None else bundle.content_hash,
        version_id=version.id,
    )


async def list_endpoints(db: Database, *, tenant_id: str, extension: str) -> list[EndpointInfo]:
    """The endpoints of the tenant's installed version, in the order of its manifest. Their ids are those that schedules refer to.

    Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`).
    """
    # A transaction, because versions that the existing platform wrote get the rows with the ids when they are first needed.
    async with db.transaction() as session:
        _, _, version = await require_install(session, tenant_id, extension)
        ids = await endpoint_ids(session, version, utc_now())
    # Of endpoints with the same method and path, the last one has the row.
    endpoints = {Call(one.method, normalise_path(one.path)): one for one in read_endpoints(version.api_endpoints)}
    return [_info(ids[call], call, endpoint) for call, endpoint in endpoints.items() if call in ids]


def _info(endpoint_id: str, call: Call, endpoint: Endpoint) -> EndpointInfo:
    return EndpointInfo(
        id=endpoint_id,
        method=call.method,
        path=call.path,
        handler=endpoint.handler,
        schedulable=call.method in _SCHEDULABLE_METHODS and not any(mark in call.path for mark in ":{}"),
    )
