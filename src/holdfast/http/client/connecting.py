"""Opens connections."""

from __future__ import annotations

import asyncio
import socket

from holdfast.http.client.address import Address, TcpAddress
from holdfast.http.client.connection import Connection
from holdfast.http.client.errors import NotSent
from holdfast.http.tls import system_tls_context


async def connect(address: Address, *, timeout: float) -> Connection:
    """A new connection. Raises NotSent when there is none after `timeout` seconds: the text says why, without the address."""
    try:
        async with asyncio.timeout(timeout):
            if isinstance(address, TcpAddress):
                return await _connect_tcp(address)
            return await _connect_unix(address.path)
    except TimeoutError:
        raise NotSent(f"no connection within {timeout:g} s") from None
    except OSError as error:
        # ssl.SSLError and socket.gaierror are OSErrors too.
        raise NotSent(f"no connection ({error.strerror or type(error).__name__})") from error


async def _connect_tcp(address: TcpAddress) -> Connection:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    # The socket is made here, not by the loop: the connection asks it whether the server has closed.
    for family, kind, protocol, _, target in found[:-1]:
        try:
            return await _open(socket.socket(family, kind, protocol), target, address)
        except OSError:
            continue
    family, kind, protocol, _, target = found[-1]
    return await _open(socket.socket(family, kind, protocol), target, address)


async def _open(opened: socket.socket, target: object, address: TcpAddress) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(opened, target)  # type: ignore[arg-type]  # the form depends on the family
        if address.tls:
            _, connection = await loop.create_connection(
                lambda: Connection(None), sock=opened, ssl=system_tls_context(), server_hostname=address.host
            )
        else:
            _, connection = await loop.create_connection(lambda: Connection(opened), sock=opened)
    except BaseException:
        opened.close()
        raise
    return connection


async def _connect_unix(path: str) -> Connection:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    loop = asyncio.get_running_loop()
    try:
        opened.setblocking(False)
        await loop.sock_connect(opened, path)
        # The queue of a server that does not accept can be full. The system then says "try again" (unix(7)), which the loop takes for
        # "in progress": it would go on with a socket that is not connected.
        opened.getpeername()
        _, connection = await loop.create_unix_connection(lambda: Connection(opened), sock=opened)
    except BaseException:
        opened.close()
        raise
    return connection
