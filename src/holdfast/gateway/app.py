"""The gateway's routes, made from the tables of operations, for an application to mount at its root."""

from __future__ import annotations

from starlette.routing import BaseRoute

from holdfast.gateway import health, ui_proxy
from holdfast.gateway.api import operations as api
from holdfast.gateway.api.development import operations as development
from holdfast.gateway.api.legacy import operations as legacy
from holdfast.gateway.calls import direct, iframe
from holdfast.gateway.debug_stream import operations as debug_stream
from holdfast.gateway.internal import operations as internal
from holdfast.gateway.openapi import DOCUMENT_OPERATION
from holdfast.gateway.publishing import operations as publishing
from holdfast.gateway.services import Services
from holdfast.http.fast_operations import make_fast_routes
from holdfast.http.fast_path import FastRoutes
from holdfast.http.operations import Operation, make_routes

OPERATIONS: tuple[Operation[Services], ...] = (
    *direct.OPERATIONS,
    *iframe.OPERATIONS,
    *ui_proxy.OPERATIONS,
    *health.OPERATIONS,
    *debug_stream.OPERATIONS,
    *development.OPERATIONS,
    *internal.OPERATIONS,
    *publishing.OPERATIONS,
    DOCUMENT_OPERATION,
    # First, because `install` and the others would also match as the name of an extension.
    *legacy.OPERATIONS,
    *api.OPERATIONS,
)
"""Every operation below `/api` and `/runner`."""


def gateway_routes(services: Services) -> list[BaseRoute]:
    """The routes. No response below `/api` has CORS headers: the API is for the console's own pages and for programs."""
    return list(make_routes(OPERATIONS, services))


def gateway_fast_routes(services: Services) -> FastRoutes | None:
    """Those operations that a server also calls around ASGI; None when the fast path is switched off."""
    return make_fast_routes(OPERATIONS, services) if services.settings.fast_path else None
