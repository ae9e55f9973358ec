"""The rate limits of calls: of an extension within a tenant, and of a user; internal users and client users have separate ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from holdfast.gateway.http.errors import RateLimited
from holdfast.http.token_bucket import Buckets, Decision, Rate
from holdfast.settings import Settings
from holdfast.settings.table.kinds import CallAllowance

MAX_BUCKETS = 65_536

Scope = Literal["extension", "user"]

_DENIED: dict[Scope, str] = {
    "extension": "Your tenant calls this extension too often.",
    "user": "You call extensions too often.",
}

_PRODUCTION = {
    "extension_staff": CallAllowance(1_200, 40),
    "extension_clients": CallAllowance(600, 20),
    "user_staff": CallAllowance(600, 20),
    "user_clients": CallAllowance(120, 4),
}
# Above what one machine can serve: an author's loop or benchmark must not meet a limit, and still sees the headers of one.
_DEVELOPMENT = dict.fromkeys(_PRODUCTION, CallAllowance(20_000, 5_000))


class CallRates(Struct, frozen=True, kw_only=True):
    """The rate of each kind of limit; None means no limit."""

    extension_staff: Rate | None
    extension_clients: Rate | None
    user_staff: Rate | None
    user_clients: Rate | None

    @classmethod
    def from_settings(cls, settings: Settings) -> CallRates:
        """The rates of the settings, or the defaults of the environment."""
        defaults = _DEVELOPMENT if settings.environment == "development" else _PRODUCTION
        chosen = {kind: getattr(settings, f"rate_limit_{kind}") or default for kind, default in defaults.items()}
        return cls(**{kind: Rate(*allowance) if allowance.burst else None for kind, allowance in chosen.items()})


class CallRateLimits(Protocol):
    """Counts calls, wherever the counts are stored."""

    async def acquire(self, tenant_id: str, registry_id: str, user_id: str, *, is_client: bool) -> Decision | None:
        """Counts a call if both its limits allow it. Returns the state of the limit with fewer calls left; None means no limit.

        Raises RateLimited, and GatewayError (`access_policy_unavailable`) when it cannot decide.
        """
        ...

    async def close(self) -> None:
        """Closes its connections."""
        ...


class LocalCallRateLimits:
    """Counts the calls of the gateway processes of this machine, in buckets that `open_buckets(name, rate)` opens and its owner closes."""

    def __init__(self, rates: CallRates, open_buckets: Callable[[str, Rate], Buckets]) -> None:
        def opened(name: str, rate: Rate | None) -> Buckets | None:
            return None if rate is None else open_buckets(name, rate)

        self._staff = opened("extension_staff", rates.extension_staff), opened("user_staff", rates.user_staff)
        self._clients = opened("extension_clients", rates.extension_clients), opened("user_clients", rates.user_clients)

    async def acquire(self, tenant_id: str, registry_id: str, user_id: str, *, is_client: bool) -> Decision | None:
        """Counts a call if both its limits allow it, see `CallRateLimits`. Never waits."""
        of_extension, of_user = self._clients if is_client else self._staff
        if of_user is None:
            return None if of_extension is None else allow(of_extension.acquire((tenant_id, registry_id)), "extension")
        user_key = (tenant_id, user_id)
        user = allow(of_user.acquire(user_key), "user")
        if of_extension is None:
            return user
        extension = of_extension.acquire((tenant_id, registry_id))
        if not extension.allowed:
            of_user.refund(user_key)
        elif extension.remaining > user.remaining:
            return user
        return allow(extension, "extension")

    async def close(self) -> None:
        """Has nothing to close."""


def allow(decision: Decision, scope: Scope) -> Decision:
    """The decision of the limit of an extension or a user, if it allows the call. Raises RateLimited."""
    if decision.allowed:
        return decision
    seconds = decision.retry_after_seconds
    raise RateLimited(_DENIED[scope], retry_after_seconds=seconds, hint=f"Call again in {seconds} s.", limit=scope, decision=decision)
