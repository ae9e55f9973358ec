"""In place of the compiled module for TLS. A component makes none: the host does, for `host.http.fetch`.

Contexts can be made and configured, because packages do that when they are imported. No connection can be made with them. The numbers are
those of OpenSSL 3 (openssl/ssl.h, openssl/x509_vfy.h) and of RFC 8446 (alerts).
"""

from __future__ import annotations

import os
from typing import Any

from holdfast_sdk.component.stand_ins import refusal

_REASON = "A component makes no TLS connections: send requests with host.http.fetch"

# Packages compare this with what they support, and refuse what is older than OpenSSL 1.1.1.
OPENSSL_VERSION = "OpenSSL 3 is unavailable in a component, which makes no TLS connections"
OPENSSL_VERSION_INFO = _OPENSSL_API_VERSION = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
_DEFAULT_CIPHERS = "DEFAULT"
HAS_SNI = HAS_ECDH = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_TLS_UNIQUE = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = HAS_PSK_TLS13 = HAS_PHA = False

PROTOCOL_SSLv23 = PROTOCOL_TLS = 2
PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER = 3, 4, 5, 16, 17
PROTO_MINIMUM_SUPPORTED, PROTO_MAXIMUM_SUPPORTED = -2, -1
PROTO_SSLv3, PROTO_TLSv1, PROTO_TLSv1_1, PROTO_TLSv1_2, PROTO_TLSv1_3 = range(0x300, 0x305)
CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = range(3)
VERIFY_DEFAULT, VERIFY_CRL_CHECK_LEAF, VERIFY_CRL_CHECK_CHAIN, VERIFY_X509_STRICT = 0, 0x4, 0xC, 0x20
VERIFY_ALLOW_PROXY_CERTS, VERIFY_X509_TRUSTED_FIRST, VERIFY_X509_PARTIAL_CHAIN = 0x40, 0x8000, 0x80000
HOSTFLAG_ALWAYS_CHECK_SUBJECT, HOSTFLAG_NO_WILDCARDS, HOSTFLAG_NO_PARTIAL_WILDCARDS = 0x1, 0x2, 0x4
HOSTFLAG_MULTI_LABEL_WILDCARDS, HOSTFLAG_SINGLE_LABEL_SUBDOMAINS, HOSTFLAG_NEVER_CHECK_SUBJECT = 0x8, 0x10, 0x20
OP_LEGACY_SERVER_CONNECT, OP_ENABLE_KTLS, OP_IGNORE_UNEXPECTED_EOF, OP_NO_TICKET = 0x4, 0x8, 0x80, 0x4000
OP_NO_COMPRESSION, OP_ENABLE_MIDDLEBOX_COMPAT, OP_CIPHER_SERVER_PREFERENCE = 0x20000, 0x100000, 0x400000
OP_NO_SSLv3, OP_NO_TLSv1, OP_NO_TLSv1_2, OP_NO_TLSv1_1, OP_NO_TLSv1_3 = 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000
OP_NO_RENEGOTIATION, OP_ALL = 0x40000000, 0x80000050
OP_NO_SSLv2 = OP_SINGLE_DH_USE = OP_SINGLE_ECDH_USE = 0
_DEFAULT_OPTIONS = OP_ALL | OP_NO_SSLv3 | OP_CIPHER_SERVER_PREFERENCE | OP_ENABLE_MIDDLEBOX_COMPAT | OP_NO_COMPRESSION
ENCODING_PEM, ENCODING_DER = 1, 2
SSL_ERROR_SSL, SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_WANT_X509_LOOKUP, SSL_ERROR_SYSCALL = range(1, 6)
SSL_ERROR_ZERO_RETURN, SSL_ERROR_WANT_CONNECT, SSL_ERROR_EOF, SSL_ERROR_INVALID_ERROR_CODE = 6, 7, 8, 10
_ALERTS = {
    **{"CLOSE_NOTIFY": 0, "UNEXPECTED_MESSAGE": 10, "BAD_RECORD_MAC": 20, "RECORD_OVERFLOW": 22, "DECOMPRESSION_FAILURE": 30},
    **{"HANDSHAKE_FAILURE": 40, "BAD_CERTIFICATE": 42, "UNSUPPORTED_CERTIFICATE": 43, "CERTIFICATE_REVOKED": 44, "CERTIFICATE_EXPIRED": 45},
    **{"CERTIFICATE_UNKNOWN": 46, "ILLEGAL_PARAMETER": 47, "UNKNOWN_CA": 48, "ACCESS_DENIED": 49, "DECODE_ERROR": 50, "DECRYPT_ERROR": 51},
    **{"PROTOCOL_VERSION": 70, "INSUFFICIENT_SECURITY": 71, "INTERNAL_ERROR": 80, "USER_CANCELLED": 90, "NO_RENEGOTIATION": 100},
    **{"UNSUPPORTED_EXTENSION": 110, "CERTIFICATE_UNOBTAINABLE": 111, "UNRECOGNIZED_NAME": 112, "BAD_CERTIFICATE_STATUS_RESPONSE": 113},
    **{"BAD_CERTIFICATE_HASH_VALUE": 114, "UNKNOWN_PSK_IDENTITY": 115},
}
globals().update({f"ALERT_DESCRIPTION_{name}": number for name, number in _ALERTS.items()})
_OBJECTS = (
    (129, "serverAuth", "TLS Web Server Authentication", "1.3.6.1.5.5.7.3.1"),
    (130, "clientAuth", "TLS Web Client Authentication", "1.3.6.1.5.5.7.3.2"),
)


class SSLError(OSError):
    """The errors of TLS: those of the compiled module, for `except` clauses."""


class SSLZeroReturnError(SSLError):
    """The connection was closed."""


class SSLWantReadError(SSLError):
    """More data has to be read first."""


class SSLWantWriteError(SSLError):
    """More data has to be written first."""


class SSLSyscallError(SSLError):
    """A call of the operating system failed."""


class SSLEOFError(SSLError):
    """The connection ended without a goodbye."""


class SSLCertVerificationError(SSLError, ValueError):
    """A certificate is not valid."""


class MemoryBIO:
    """Cannot be made."""

    __init__ = refusal(_REASON)


class SSLSession:
    """Cannot be made."""

    __init__ = refusal(_REASON)


class Certificate:
    """Cannot be made."""

    __init__ = refusal(_REASON)


def _setting(name: str, default: Any) -> Any:
    """A property that only remembers. Those of the `ssl` module are built on it, so a plain attribute would not do."""

    def read(self: Any) -> Any:
        return self.__dict__.get(name, default)

    def write(self: Any, value: Any) -> None:
        self.__dict__[name] = value

    return property(read, write)


class _SSLContext:
    """Settings of connections, with the defaults of CPython."""

    minimum_version = _setting("minimum_version", PROTO_TLSv1_2)
    maximum_version = _setting("maximum_version", PROTO_MAXIMUM_SUPPORTED)
    options = _setting("options", _DEFAULT_OPTIONS)
    verify_flags = _setting("verify_flags", VERIFY_X509_TRUSTED_FIRST)
    num_tickets = _setting("num_tickets", 2)
    post_handshake_auth = _setting("post_handshake_auth", False)
    keylog_filename = _setting("keylog_filename", None)
    sni_callback = _setting("sni_callback", None)
    _msg_callback = _setting("_msg_callback", None)
    _host_flags = _setting("_host_flags", HOSTFLAG_NO_PARTIAL_WILDCARDS)
    security_level = 2
    _protocol: int
    _verify_mode: int
    _checks_hostname: bool

    def __new__(cls, protocol: int) -> _SSLContext:
        self = super().__new__(cls)
        self._protocol = int(protocol)
        self._checks_hostname = self._protocol == PROTOCOL_TLS_CLIENT
        self._verify_mode = CERT_REQUIRED if self._checks_hostname else CERT_NONE
        return self

    @property
    def protocol(self) -> int:
        return self._protocol

    @property
    def check_hostname(self) -> bool:
        return self._checks_hostname

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        self._checks_hostname = bool(value)
        if value and self._verify_mode == CERT_NONE:
            self._verify_mode = CERT_REQUIRED

    @property
    def verify_mode(self) -> int:
        return self._verify_mode

    @verify_mode.setter
    def verify_mode(self, value: int) -> None:
        if value == CERT_NONE and self._checks_hostname:
            raise ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.")
        self._verify_mode = int(value)

    def _accept(self, *_: Any, **__: Any) -> None:
        """Where a setting has an effect on connections only."""

    set_ciphers = set_ecdh_curve = load_dh_params = load_verify_locations = set_default_verify_paths = _accept
    _set_alpn_protocols = set_psk_client_callback = set_psk_server_callback = set_groups = set_ciphersuites = _accept
    _wrap_socket = _wrap_bio = load_cert_chain = refusal(_REASON)
    get_ciphers = get_ca_certs = cert_store_stats = session_stats = get_groups = refusal(_REASON)


def txt2obj(txt: str, name: bool = False) -> tuple[int, str, str, str]:
    """The number, names and identifier of an object. Only the two purposes of TLS are known; raises NotImplementedError for others."""
    for known in _OBJECTS:
        if txt == known[3] or (name and txt in known[1:3]):
            return known
    raise NotImplementedError(_REASON)


def nid2obj(nid: int, /) -> tuple[int, str, str, str]:
    """The number, names and identifier of an object, as `txt2obj`."""
    for known in _OBJECTS:
        if nid == known[0]:
            return known
    raise NotImplementedError(_REASON)


def RAND_bytes(n: int, /) -> bytes:
    """Random bytes, from the host."""
    return os.urandom(n)


def RAND_status() -> bool:
    """The host's random numbers need no seed."""
    return True


def RAND_add(string: Any, entropy: float, /) -> None:
    """Does nothing: the host's random numbers need no seed."""


get_default_verify_paths = _test_decode_cert = get_sigalgs = refusal(_REASON)
