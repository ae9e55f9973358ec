"""Which request headers a manifest may ask for in `requestHeaders`: never credentials, a connection's, or the host's own."""

from __future__ import annotations

import re

from holdfast.bundles.manifest.parsing.errors import Expected

HEADER_PATTERN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
HEADER_MAX_LENGTH = 64

_CREDENTIALS = frozenset(
    {
        "authorization",
        "cookie",
        "cookie2",
        "x-access-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-runner-auth",
        "x-runner-service-token",
        "x-vault-token",
        "x-xsrf-token",
    }
)
_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OWN = frozenset({"x-idempotency-key", "x-request-id", "x-tenant-id"})
_OWN_PREFIXES = ("x-alga-", "x-ext-", "x-holdfast-", "x-runner-")
_FORGEABLE = re.compile(r"forwarded|via|x-forwarded(-.*)?|x-real-ip|(cf|true)-(connecting|client)-ip")
_NAME = re.compile(HEADER_PATTERN)


def refusal_reason(name: str) -> str | None:
    """Why an extension cannot get the request header `name` (lower case); None: it can."""
    if len(name) > HEADER_MAX_LENGTH or not _NAME.fullmatch(name):
        return "it is not the name of a header"
    if name in _CREDENTIALS or name.startswith("proxy-"):
        return "it can carry a credential of the caller"
    if name in _CONNECTION:
        return "it belongs to the connection, which ends at the gateway"
    if name in _OWN or name.startswith(_OWN_PREFIXES):
        return "the gateway sets it itself"
    if _FORGEABLE.fullmatch(name):
        return "any client can forge it"
    return None


def read_header_name(text: str) -> str:
    """The name in lower case. Raises Expected, with the reason, for one that no extension gets."""
    name = text.lower()
    reason = refusal_reason(name)
    if reason is not None:
        raise Expected("a request header that an extension may see", found=f'"{text}": {reason}')
    return name
