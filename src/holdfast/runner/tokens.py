"""The token by which the runner knows its gateway."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from holdfast.runner.errors import NotAuthorised, ServiceTokenUnusable
from holdfast.settings import Settings

HEADERS = ("x-runner-service-token", "x-runner-auth")
_KNOWN_DEFAULTS = frozenset({"local-runner-key", "changeme", "change-me", "secret"})


def service_token(settings: Settings) -> str:
    """The token as set. Raises ServiceTokenUnusable when there is none, or, in production, when it is one that everybody knows."""
    token = settings.runner_service_token.get_secret_value().strip() if settings.runner_service_token is not None else ""
    hint = "Set it to a long random value, the same for gateway and runner."
    if not token:
        raise ServiceTokenUnusable("RUNNER_SERVICE_TOKEN is not set, and the runner answers nobody without it.", hint=hint)
    if settings.environment == "production" and token in _KNOWN_DEFAULTS:
        raise ServiceTokenUnusable("RUNNER_SERVICE_TOKEN is a default that everybody knows.", hint=hint)
    return token


def require_token(request: Request, token: str) -> None:
    """Raises NotAuthorised unless one of the two headers carries the token; compared in constant time."""
    expected = token.encode()
    given = [request.headers.get(name, "").encode() for name in HEADERS]
    if not any(hmac.compare_digest(value, expected) for value in given):
        raise NotAuthorised("This request does not carry the runner's service token.", hint="Send it as x-runner-service-token.")
