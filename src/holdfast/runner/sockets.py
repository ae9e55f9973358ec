"""Listening sockets, bound before anything else starts, and the sentence for a port that is taken."""

from __future__ import annotations

import errno
import socket

import psutil

from holdfast.errors import HoldfastError

BACKLOG = 1024


class PortTaken(HoldfastError):
    """Another process listens on the port."""

    code = "port_taken"
    status = 409


class AddressUnusable(HoldfastError):
    """The address cannot be listened on: not of this machine, not resolvable, or not allowed."""

    code = "address_unusable"
    status = 400


def listen(host: str, port: int, *, purpose: str, flag: str, variable: str) -> socket.socket:
    """A TCP socket that listens on `host:port`; port 0 picks a free one.

    `purpose`, `flag` and `variable` name the service and how its port is changed, for the sentence when it cannot be had.
    Raises PortTaken or AddressUnusable.
    """
    change = f"Choose another with {flag} or the variable {variable} (0 picks a free one)."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as failed:
        raise AddressUnusable(
            f"The address {host} for {purpose} is not known: {failed.strerror}.", hint="Set HOLDFAST_HOST to an address of this machine."
        ) from failed
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as failed:
        listening.close()
        if failed.errno == errno.EADDRINUSE:
            raise PortTaken(f"Port {port}, wanted by {purpose}, is taken{_owner_of(port)}.", hint=change) from failed
        if failed.errno == errno.EACCES:
            raise AddressUnusable(f"Port {port}, wanted by {purpose}, may not be used by this user.", hint=change) from failed
        raise AddressUnusable(
            f"{host}:{port}, wanted by {purpose}, cannot be listened on: {failed.strerror}.",
            hint="Set HOLDFAST_HOST to an address of this machine.",
        ) from failed
    return listening


def port_of(listening: socket.socket) -> int:
    """The port the socket is bound to."""
    return int(listening.getsockname()[1])


def origin_of(listening: socket.socket) -> str:
    """The HTTP origin under which this machine reaches the socket, such as `http://127.0.0.1:3000`."""
    host = str(listening.getsockname()[0])
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port_of(listening)}" if ":" in host else f"http://{host}:{port_of(listening)}"


def _owner_of(port: int) -> str:
    """` by NAME (pid N)`, or nothing where the system does not tell."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""
