"""`GET /` on a host name of an app: redirects the browser to the page of the install that has the name."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.runner.services import RunnerServices
from holdfast.runner.ui.host_names import InvalidHost, host_name, page_address


async def redirect_to_page(services: RunnerServices, request: Request) -> Response:
    """307 to the page. Needs no token, because browsers have none. Raises InvalidHost and what `InstallValidator.install_at` raises."""
    hosts = request.headers.getlist("host")
    # Of two, a proxy in front of us could have used the one and we the other.
    if len(hosts) != 1:
        raise InvalidHost("The request must name one host.")
    install = await services.validator.install_at(host_name(hosts[0]))
    return Response(status_code=307, headers={"location": page_address(install), "cache-control": "no-store"})
