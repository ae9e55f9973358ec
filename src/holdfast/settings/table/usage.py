"""Settings: rate limits and quotas."""

from __future__ import annotations

from typing import ClassVar, Literal

from holdfast.settings.table.fields import SecretStr, named, setting
from holdfast.settings.table.kinds import RateLimit, SettingsGroup

_FORM = "`600+20/s` means 600 calls at once, then 20 a second; `off` means no limit."


class UsageSettings(SettingsGroup):
    """How often extensions may be called, and how much an install may use in a day."""

    title: ClassVar[str] = "Rate limits and quotas"

    rate_limit_extension_staff: RateLimit | None = setting(
        None,
        variables=named("HOLDFAST_RATE_LIMIT_EXTENSION_STAFF"),
        description="Calls of one extension by all internal users of a tenant together. "
        f"{_FORM} Unset means 1200+40/s in production and 20000+5000/s in development.",
    )
    rate_limit_extension_clients: RateLimit | None = setting(
        None,
        variables=named("HOLDFAST_RATE_LIMIT_EXTENSION_CLIENTS"),
        description="The same for all client users of a tenant together, separate from the internal users. "
        "Unset means 600+20/s in production and 20000+5000/s in development.",
    )
    rate_limit_user_staff: RateLimit | None = setting(
        None,
        variables=named("HOLDFAST_RATE_LIMIT_USER_STAFF"),
        description="Calls by one internal user, of all extensions together. "
        "Unset means 600+20/s in production and 20000+5000/s in development.",
    )
    rate_limit_user_clients: RateLimit | None = setting(
        None,
        variables=named("HOLDFAST_RATE_LIMIT_USER_CLIENTS"),
        description="Calls by one client user, of all extensions together. "
        "Unset means 120+4/s in production and 20000+5000/s in development.",
    )
    quota_calls: int | None = setting(
        None,
        ge=0,
        variables=named("HOLDFAST_QUOTA_CALLS"),
        description="Calls of one install in a day (UTC); 0 means no quota. Unset means 5,000,000 in production, none in development.",
    )
    quota_cpu_ms: int | None = setting(
        None,
        ge=0,
        variables=named("HOLDFAST_QUOTA_CPU_MS"),
        description="CPU time of one install in a day, in milliseconds; 0 or unset means no quota.",
    )
    quota_fuel: int | None = setting(
        None,
        ge=0,
        variables=named("HOLDFAST_QUOTA_FUEL"),
        description="Fuel of one install in a day, if runners count it (HOLDFAST_ENGINE_FUEL); 0 or unset means no quota.",
    )
    quota_egress_bytes: int | None = setting(
        None,
        ge=0,
        variables=named("HOLDFAST_QUOTA_EGRESS_BYTES"),
        description="Bytes that the fetches of one install send and receive in a day; 0 means no quota. "
        "Unset means 100 GiB in production and no quota in development.",
    )
    rate_limit_redis_url: SecretStr | None = setting(
        None,
        variables=named("HOLDFAST_RATE_LIMIT_REDIS_URL"),
        description="Redis server that counts the calls of several gateways; unset means that each gateway counts its own.",
    )
    rate_limit_redis_password: SecretStr | None = setting(
        None,
        variables=named("HOLDFAST_RATE_LIMIT_REDIS_PASSWORD"),
        description="Password for HOLDFAST_RATE_LIMIT_REDIS_URL if the URL has none.",
    )
    rate_limit_redis_down: Literal["local", "refuse"] = setting(
        "local",
        variables=named("HOLDFAST_RATE_LIMIT_REDIS_DOWN"),
        description="What happens while that Redis does not respond: `local`, each gateway counts its own calls; `refuse`, calls get the "
        "status 503 and the code access_policy_unavailable.",
    )
