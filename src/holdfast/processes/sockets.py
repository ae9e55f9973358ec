"""Listening sockets, bound before anything else starts, and the errors for ports that are in use."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from holdfast.errors import HoldfastError

BACKLOG = 1024


class PortTaken(HoldfastError):
    """Raised when another process listens on the port."""

    code = "port_taken"
    status = 409


class AddressUnusable(HoldfastError):
    """Raised when the address is not an address to listen on: not of this machine, not resolvable, or not allowed."""

    code = "address_unusable"
    status = 400


def listen(host: str, port: int, *, purpose: str, variable: str, flag: str | None = None) -> socket.socket:
    """A TCP socket that listens on `host:port`; port 0 picks a free one.

    `purpose`, `variable` and `flag` name the service and how its port is changed, for the error message.
    Raises PortTaken or AddressUnusable.
    """
    listening = _bound(host, port, purpose=purpose, flag=flag, variable=variable)
    listening.listen(BACKLOG)
    return listening


def listen_together(host: str, port: int, count: int, *, purpose: str, variable: str, flag: str | None = None) -> list[socket.socket]:
    """`count` sockets that listen on one port, of which the kernel picks one for each connection. Otherwise as `listen`."""
    if port:
        # If another process of this user shares its port too, the kernel would let us listen and divide the callers between both. So the
        # port is first bound by a socket that does not share it. Port 0 picks one that is free.
        _bound(host, port, purpose=purpose, flag=flag, variable=variable).close()
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for _ in range(count):
            bound = _bound(host, port, purpose=purpose, flag=flag, variable=variable, shared=True)
            sockets.append(opened.enter_context(bound))
            port = port_of(bound)
        for listening in sockets:
            listening.listen(BACKLOG)
        opened.pop_all()
        return sockets


def listen_for(processes: int, host: str, port: int, *, purpose: str, variable: str, flag: str | None = None) -> list[socket.socket]:
    """A socket for each of the processes that serve the port: a plain one for one process, or several as `listen_together`."""
    if processes == 1:
        return [listen(host, port, purpose=purpose, variable=variable, flag=flag)]
    return listen_together(host, port, processes, purpose=purpose, variable=variable, flag=flag)


def _bound(host: str, port: int, *, purpose: str, variable: str, flag: str | None = None, shared: bool = False) -> socket.socket:
    change = f"Choose another with {f'{flag} or ' if flag else ''}the variable {variable} (0 picks a free one)."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as failed:
        raise AddressUnusable(
            f"The address {host} for {purpose} is unknown: {failed.strerror}.", hint="Set HOLDFAST_HOST to an address of this machine."
        ) from failed
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as failed:
        bound.close()
        if failed.errno == errno.EADDRINUSE:
            raise PortTaken(f"Port {port}, needed by {purpose}, is taken{_owner_of(port)}.", hint=change) from failed
        if failed.errno == errno.EACCES:
            raise AddressUnusable(f"Port {port}, needed by {purpose}, may not be used by this user.", hint=change) from failed
        raise AddressUnusable(
            f"{host}:{port}, needed by {purpose}, is not an address to listen on: {failed.strerror}.",
            hint="Set HOLDFAST_HOST to an address of this machine.",
        ) from failed
    return bound


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
    """` by NAME (pid N)`, or nothing where the system does not report it."""
    import psutil  # only for this error: its import takes as long as a tenth of a runner's start

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""
