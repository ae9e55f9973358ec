"""All routes of the gateway, for an application to mount at its root."""

from __future__ import annotations

from starlette.routing import BaseRoute

from holdfast.gateway import (
    administration,
    debug_stream,
    ext,
    ext_bundles,
    ext_proxy,
    extensions_config,
    extensions_contract,
    extensions_grants,
    extensions_installs,
    extensions_publications,
    extensions_secrets,
    extensions_versions,
    health,
    installs,
    internal_absent,
    internal_config,
    internal_events,
    internal_storage,
    openapi,
    ui_proxy,
)
from holdfast.gateway.services import Services

_ROOMS = (
    *(ext, ext_proxy, ui_proxy, health, installs, debug_stream, internal_config, internal_storage, internal_events, internal_absent),
    *(ext_bundles, openapi, administration),
    # Before what takes any name for an extension's.
    extensions_contract,
    *(extensions_installs, extensions_versions, extensions_publications, extensions_grants, extensions_config, extensions_secrets),
)


def gateway_routes(services: Services) -> list[BaseRoute]:
    """Every route below `/api` and `/runner`. No answer carries CORS headers for `/api`: it is for its own pages and for programs."""
    return [route for room in _ROOMS for route in room.routes(services)]
