"""The TLS context of clients: certificate and host name are verified against the certificates that the system trusts."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from functools import cache


def system_tls_context() -> ssl.SSLContext:
    """The context that all clients of this process share. Do not change it.

    Reading the system's certificates takes 25 ms, so it happens once for each value of SSL_CERT_FILE and SSL_CERT_DIR, which OpenSSL
    reads. Raises OSError (ssl.SSLError) when the certificates cannot be read.
    """
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def tls_context_for(urls: Iterable[str]) -> ssl.SSLContext:
    """The context of a client that calls these addresses only. Without https among them it trusts no server, and reads no certificates.

    Raises OSError (ssl.SSLError) when they cannot be read.
    """
    return _without_certificates() if all(url.startswith("http://") for url in urls) else system_tls_context()


@cache
def _without_certificates() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _read(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()
