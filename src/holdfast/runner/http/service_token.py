"""The token by which the runner knows its gateway."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

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


def caller_token(settings: Settings) -> str | None:
    """The token that callers must send; None when `RUNNER_REQUIRE_AUTH=false` lets everybody call.

    Raises what `service_token` raises, and ServiceTokenUnusable when callers without a token are to be served in production.
    """
    if settings.require_auth:
        return service_token(settings)
    if settings.environment == "production":
        raise ServiceTokenUnusable(
            "RUNNER_REQUIRE_AUTH=false lets everybody who reaches the runner call every extension of every tenant; production refuses it.",
            hint="Remove it, and let callers send RUNNER_SERVICE_TOKEN as x-runner-service-token.",
        )
    return None


def outgoing_token(settings: Settings) -> str:
    """The token of the runner's own calls to the application's internal APIs; empty when none is set."""
    chosen = settings.runner_storage_api_token or settings.runner_service_token
    return "" if chosen is None else chosen.get_secret_value().strip()


def require_token(headers: Mapping[str, str], token: str | None, *, bearer: bool = False) -> None:
    """Raises NotAuthorised unless one of the two headers carries the token; compared in constant time. Without a token all may pass.

    With `bearer`, `Authorization: Bearer` may carry it too.
    """
    if token is None:
        return
    expected = token.encode()
    for name in HEADERS:
        if hmac.compare_digest(headers.get(name, "").encode(), expected):
            return
    given = headers.get("authorization", "").removeprefix("Bearer ") if bearer else ""
    if not hmac.compare_digest(given.encode(), expected):
        raise NotAuthorised("This request does not carry the runner's service token.", hint="Send it as x-runner-service-token.")
