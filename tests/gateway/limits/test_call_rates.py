"""The rates of the settings, and the count of a call in two limits at once."""

from __future__ import annotations

import pytest

from holdfast.gateway.http.errors import RateLimited
from holdfast.gateway.limits.call_rates import CallRates, LocalCallRateLimits
from holdfast.http.token_bucket import Buckets, Rate, TokenBuckets
from holdfast.settings import Settings
from holdfast.settings.settings import InvalidSettings


def rates(environment: str = "production", **limits: str) -> CallRates:
    return CallRates.from_settings(Settings(environment=environment, _env_file=None, **{f"rate_limit_{k}": v for k, v in limits.items()}))


def local(**limits: str) -> LocalCallRateLimits:
    """Limits whose clock stands still; those that are not named are off."""

    def open_buckets(name: str, rate: Rate) -> Buckets:
        return TokenBuckets(capacity=rate.capacity, refill_per_second=rate.refill_per_second, clock=lambda: 0.0)

    off = dict.fromkeys(("extension_staff", "extension_clients", "user_staff", "user_clients"), "off")
    return LocalCallRateLimits(rates(**(off | limits)), open_buckets)


async def remaining(limits: LocalCallRateLimits, tenant: str, extension: str, user: str, *, is_client: bool = False) -> int | str:
    try:
        decision = await limits.acquire(tenant, extension, user, is_client=is_client)
    except RateLimited as denied:
        return str(denied.details["limit"])
    return -1 if decision is None else decision.remaining


@pytest.mark.parametrize(
    ("text", "rate"),
    [("600+20/s", Rate(600, 20)), (" 60 + 0.5 / S ", Rate(60, 0.5)), ("60+30/min", Rate(60, 0.5)), ("off", None), ("OFF", None)],
)
def test_a_rate_limit_is_written_as_burst_and_rate(text: str, rate: Rate | None) -> None:
    assert rates(user_staff=text).user_staff == rate


@pytest.mark.parametrize("text", ["", "60", "60+1", "0+1/s", "60+0/s", "-1+1/s", "60+1/h", "60+1/s and more", "6e1+1/s", "0"])
def test_other_text_is_not_a_rate_limit(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"600\+20/s"):
        rates(user_staff=text)


def test_production_protects_and_development_does_not_get_in_the_way() -> None:
    production, development = rates(), rates("development")
    for kind in CallRates.__struct_fields__:
        assert getattr(development, kind).capacity >= 20_000
        assert getattr(development, kind).refill_per_second >= 5_000
        assert getattr(production, kind).capacity <= 1_200
    assert production.user_staff is not None and production.extension_staff is not None
    assert production.user_staff.capacity < production.extension_staff.capacity


async def test_tenants_extensions_and_users_are_counted_separately() -> None:
    limits = local(extension_staff="2+1/s", user_staff="9+1/s")
    assert [await remaining(limits, "t", "e", "u") for _ in range(3)] == [1, 0, "extension"]
    assert [await remaining(limits, "t", "f", "u"), await remaining(limits, "o", "e", "u")] == [1, 1]


async def test_a_call_that_one_limit_denies_does_not_count_in_the_other() -> None:
    limits = local(extension_staff="1+1/s", user_staff="2+1/s")
    assert [await remaining(limits, "t", "e", "u") for _ in range(4)] == [0, "extension", "extension", "extension"]
    assert [await remaining(limits, "t", "f", "u"), await remaining(limits, "t", "g", "u")] == [0, "user"]
    assert await remaining(limits, "t", "g", "v") == 0


async def test_the_state_is_of_the_limit_with_fewer_calls_left() -> None:
    assert await remaining(local(extension_staff="5+1/s", user_staff="3+1/s"), "t", "e", "u") == 2
    assert await remaining(local(extension_staff="3+1/s", user_staff="5+1/s"), "t", "e", "u") == 2
    assert await remaining(local(user_staff="5+1/s"), "t", "e", "u") == 4
    assert await remaining(local(extension_staff="3+1/s"), "t", "e", "u", is_client=True) == -1
