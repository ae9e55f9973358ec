"""A lean HTTP/1.1 client for requests between our own services: keep-alive connections over TCP, TLS or a Unix socket."""

from holdfast.http.client.address import Address, TcpAddress, UnixAddress, credentials_of, parse_origin
from holdfast.http.client.connection import Response
from holdfast.http.client.errors import ClientError, ConnectionLost, InvalidResponse, NotSent, ResponseTooLarge
from holdfast.http.client.pool import HttpClient

__all__ = [
    "Address",
    "ClientError",
    "ConnectionLost",
    "HttpClient",
    "InvalidResponse",
    "NotSent",
    "Response",
    "ResponseTooLarge",
    "TcpAddress",
    "UnixAddress",
    "credentials_of",
    "parse_origin",
]
