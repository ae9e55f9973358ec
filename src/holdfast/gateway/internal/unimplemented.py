"""The internal APIs of the existing contract that this gateway does not serve: invoices, clients, services."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services

NAMES = ("ext-invoicing", "ext-clients", "ext-services")


async def not_implemented(services: Services, request: Request) -> Response:
    raise GatewayError(
        "not_available",
        "This gateway has no records of that kind.",
        hint="Run the extension in front of the application that has them.",
    )
