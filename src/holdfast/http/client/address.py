"""Where a server listens."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class TcpAddress:
    """A host name or IP address, and a port. `tls` says whether the server speaks TLS there."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        """The value of the `host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


@dataclass(frozen=True)
class UnixAddress:
    """The path of a Unix socket on this machine."""

    path: str

    @property
    def authority(self) -> str:
        return "localhost"


Address = TcpAddress | UnixAddress


def parse_origin(url: str) -> tuple[TcpAddress, str]:
    """The address in an http(s) URL, and the URL's path without `/` at its end. Raises ValueError for any other text.

    The error does not quote the URL, which can contain a password.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("it is not an http:// or https:// address without a query")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return TcpAddress(parts.hostname, port, parts.scheme == "https"), parts.path.rstrip("/")


def credentials_of(url: str) -> dict[str, str]:
    """The header with the user and password in a URL (Basic, RFC 7617); empty when it has none."""
    parts = urlsplit(url.strip())
    if parts.username is None:
        return {}
    text = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
