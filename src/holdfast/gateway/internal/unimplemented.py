"""The internal APIs that the existing contract has and this gateway does not serve: schedules, invoices, clients, services."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.internal.auth import check_service_token
from holdfast.gateway.services import Services

ABSENT = ("ext-scheduler", "ext-invoicing", "ext-clients", "ext-services")


def routes(services: Services) -> list[BaseRoute]:
    """Routes that say so, to whoever has the service token."""

    async def absent(request: Request) -> Response:
        check_service_token(services, request)
        raise GatewayError(
            "not_available", "This gateway has no records of that kind.", hint="Run the extension against the application that keeps them."
        )

    endpoint = respond_to_errors(absent)
    return [Route(f"/api/internal/{name}/install/{{install_id}}", endpoint, methods=["POST"]) for name in ABSENT]
