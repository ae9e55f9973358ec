"""All routes of the gateway, for an application to mount at its root."""

from __future__ import annotations

from starlette.routing import BaseRoute

from holdfast.gateway import debug_stream, health, ui_proxy
from holdfast.gateway.api import config as extensions_config
from holdfast.gateway.api import grants as extensions_grants
from holdfast.gateway.api import installs as extensions_installs
from holdfast.gateway.api import legacy as extensions_contract
from holdfast.gateway.api import openapi
from holdfast.gateway.api import publications as extensions_publications
from holdfast.gateway.api import secrets as extensions_secrets
from holdfast.gateway.api import users_and_keys as administration
from holdfast.gateway.api import versions as extensions_versions
from holdfast.gateway.calls import direct as ext
from holdfast.gateway.calls import iframe as ext_proxy
from holdfast.gateway.internal import debug_events as internal_events
from holdfast.gateway.internal import install_config as internal_config
from holdfast.gateway.internal import install_lookup as installs
from holdfast.gateway.internal import storage as internal_storage
from holdfast.gateway.internal import unimplemented as internal_absent
from holdfast.gateway.publishing import routes as ext_bundles
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
