"""Host names of app domains, and the addresses of the pages that they lead to."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlencode

from holdfast.contract.install_lookup import InstallAddress
from holdfast.errors import HoldfastError

_MAX_CHARACTERS = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_PORT = re.compile(r"(?::[0-9]{0,5})?", re.ASCII)


class InvalidHost(HoldfastError):
    """Raised when a request names no host, several, or one that is neither a host name nor an address."""

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
    """The address of an install's page: path and query, below the runner's own origin for any ids."""
    path = "/".join(quote(part, safe="") for part in (install.extension_id, install.content_hash))
    return f"/ext-ui/{path}/index.html?{urlencode({'tenant': install.tenant_id, 'extensionId': install.extension_id})}"


def _ipv6(address: str) -> str | None:
    try:
        return None if "%" in address else f"[{ipaddress.IPv6Address(address).compressed}]"
    except ValueError:
        return None
