"""`GET /` on a host name of an app: sends the browser to the page of the install that has the name."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.contract.install_lookup import InstallAddress
from holdfast.errors import HoldfastError
from holdfast.runner.http.responses import respond_to_errors
from holdfast.runner.services import RunnerServices

_MAX_CHARACTERS = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_PORT = re.compile(r"(?::[0-9]{0,5})?", re.ASCII)


class InvalidHost(HoldfastError):
    """Raised when a request names no host, several, or one that cannot be a host name or an address."""

    code = "invalid_host"
    status = 400


def host_name(header: str) -> str:
    """The host of a `Host` header in lower case, without port and without the dot of the root; an IPv6 address keeps its brackets.

    Raises InvalidHost.
    """
    written = header.strip().lower()
    if written.startswith("["):
        address, bracket, port = written[1:].partition("]")
        name = _ipv6(address) if bracket else None
    else:
        host, colon, digits = written.partition(":")
        port = colon + digits
        host = host.removesuffix(".")
        name = host if len(host) <= _MAX_CHARACTERS and _NAME.fullmatch(host) else None
    if name is None or not _PORT.fullmatch(port):
        raise InvalidHost("The header Host does not hold a host name.", hint="Open the extension by its host name, or by its own address.")
    return name


def page_address(install: InstallAddress) -> str:
    """The address of an install's page: path and query, below the runner's own origin whatever the ids are."""
    path = "/".join(quote(part, safe="") for part in (install.extension_id, install.content_hash))
    return f"/ext-ui/{path}/index.html?{urlencode({'tenant': install.tenant_id, 'extensionId': install.extension_id})}"


def routes(services: RunnerServices) -> list[BaseRoute]:
    """The route of app domains; it needs no token, because browsers have none."""

    async def by_host(request: Request) -> Response:
        given = request.headers.getlist("host")
        # Of two, one would be what a proxy before us went by, the other what we go by.
        if len(given) != 1:
            raise InvalidHost("The request must name one host.")
        install = await services.validator.install_at(host_name(given[0]))
        return Response(status_code=307, headers={"location": page_address(install), "cache-control": "no-store"})

    return [Route("/", respond_to_errors(by_host), methods=["GET", "HEAD"])]


def _ipv6(address: str) -> str | None:
    try:
        return None if "%" in address else f"[{ipaddress.IPv6Address(address).compressed}]"
    except ValueError:
        return None
