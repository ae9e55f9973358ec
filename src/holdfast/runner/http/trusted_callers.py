"""Callers that need no token for `POST /v1/execute`: those at the other end of the socket, never those that a header names.

request ──▶ carries a token? ──yes──▶ it must be the right one
                 │ no
                 ▼
            peer of the socket in RUNNER_TRUSTED_CALLERS? ──yes──▶ accepted        (only for `POST /v1/execute`)
                 └── no ──▶ 401
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from holdfast.http.fast_path import UNIX_CLIENT
from holdfast.runner.http.service_token import HEADERS, require_token
from holdfast.settings.table.kinds import UNIX_CALLERS, trusted_caller_names

Client = tuple[str, int] | None
"""The other end of a connection, as ASGI has it in `scope["client"]`."""


class TrustedCallers:
    """The callers of RUNNER_TRUSTED_CALLERS."""

    def __init__(self, setting: str) -> None:
        """`setting` is the checked value of the setting; an empty one trusts no one."""
        self.names = trusted_caller_names(setting)
        self._unix = UNIX_CALLERS in self.names
        self._networks = [ip_network(name) for name in self.names if name != UNIX_CALLERS]
        # Calls of one process come from few addresses, but from any address if the port is open to many.
        self._is_known = lru_cache(maxsize=1_024)(self._is_in_networks)

    def __bool__(self) -> bool:
        return bool(self.names)

    def includes(self, client: Client) -> bool:
        """Whether the peer of a connection is one of them. An unknown peer is not."""
        if client is None:
            return False
        if client == UNIX_CLIENT:
            return self._unix
        return self._is_known(client[0])

    def _is_in_networks(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        # A socket that listens on IPv6 reports callers over IPv4 in this form.
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def require_caller(headers: Mapping[str, str], token: str | None, client: Client, trusted: TrustedCallers) -> None:
    """Raises NotAuthorised unless the request carries the token, or carries none and comes from a trusted caller.

    Only for `POST /v1/execute`; every other route uses `require_token`.
    """
    if trusted and not any(headers.get(name) for name in HEADERS) and trusted.includes(client):
        return
    require_token(headers, token)
