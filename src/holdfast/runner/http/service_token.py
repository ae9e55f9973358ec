"""The token with which the gateway authenticates to the runner."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.http.service_tokens import KNOWN_DEFAULTS, is_same_token
from holdfast.runner.http.errors import NotAuthorised, ServiceTokenUnusable
from holdfast.settings import Settings

HEADERS = ("x-runner-service-token", "x-runner-auth")


def service_token(settings: Settings) -> str:
    """The token as set. Raises ServiceTokenUnusable when there is none, or when it is a well-known default in production."""
    token = settings.runner_service_token.get_secret_value().strip() if settings.runner_service_token is not None else ""
    hint = "Set it to a long random value, the same for gateway and runner."
    if not token:
        raise ServiceTokenUnusable("RUNNER_SERVICE_TOKEN is not set. The runner accepts no requests without it.", hint=hint)
    if settings.environment == "production" and token in KNOWN_DEFAULTS:
        raise ServiceTokenUnusable("RUNNER_SERVICE_TOKEN is a well-known default.", hint=hint)
    return token


def caller_token(settings: Settings) -> str | None:
    """The token that callers must send; None when `RUNNER_REQUIRE_AUTH=false`: then every caller is accepted.

    Raises what `service_token` raises, and ServiceTokenUnusable for `RUNNER_REQUIRE_AUTH=false` in production.
    """
    if settings.require_auth:
        return service_token(settings)
    if settings.environment == "production":
        raise ServiceTokenUnusable(
            "RUNNER_REQUIRE_AUTH=false lets everyone who reaches the runner call every extension of every tenant; production does not "
            "allow that.",
            hint="Remove it, and send RUNNER_SERVICE_TOKEN as x-runner-service-token.",
        )
    return None


def outgoing_token(settings: Settings) -> str:
    """The token of the runner's own calls to the application's internal APIs; empty without a setting."""
    chosen = settings.runner_storage_api_token or settings.runner_service_token
    return "" if chosen is None else chosen.get_secret_value().strip()


def require_token(headers: Mapping[str, str], token: str | None, *, bearer: bool = False) -> None:
    """Raises NotAuthorised unless one of the two headers carries the token; compared in constant time. Without a token, all requests pass.

    With `bearer`, `Authorization: Bearer` may carry it too.
    """
    if token is None:
        return
    # A loop that ends at the first match, not a list of candidates: this runs for every call.
    for name in HEADERS:
        if is_same_token(headers.get(name), token):
            return
    if bearer and is_same_token(headers.get("authorization", "").removeprefix("Bearer "), token):
        return
    raise NotAuthorised("This request does not carry the runner's service token.", hint="Send it as x-runner-service-token.")
