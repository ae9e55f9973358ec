"""Rate limits of calls, through the gateway: whom they count, what a response says about them, and how a denial looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2

from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import add_user

NOTES = "/api/ext/com.example.notes/notes"
PORTAL = {"hooks": {"clientPortalMenu": {"label": "Notes"}}, "type": "iframe", "entry": "ui/index.html"}
RATE_HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


def state_of(response: httpx2.Response) -> tuple[str, ...]:
    """The values of the headers that describe the limit."""
    return tuple(response.headers[name] for name in RATE_HEADERS)


async def statuses(platform: Platform, headers: dict[str, str], number: int) -> list[int]:
    return [(await platform.http.get(NOTES, headers=headers)).status_code for _ in range(number)]


def only(limit: str, **settings: Any) -> dict[str, Any]:
    """Settings with all limits off, except `settings`."""
    kinds = ("extension_staff", "extension_clients", "user_staff", "user_clients")
    return {f"rate_limit_{kind}": "off" for kind in kinds} | {f"rate_limit_{limit}": settings["to"]}


async def test_an_extension_has_a_burst_and_then_a_steady_rate(tmp_path: Path) -> None:
    async with running_platform(tmp_path, **only("extension_staff", to="3+0.5/s")) as platform:
        admin = await platform.admin()
        assert await statuses(platform, admin, 3) == [200] * 3
        response = await platform.http.get(NOTES, headers=admin)
        assert (response.status_code, response.json()["error"], response.headers["retry-after"]) == (429, "rate_limited", "2")
        assert response.json()["details"] == {"retryAfterSeconds": 2, "limit": "extension"}
        platform.seconds.value += 2
        assert await statuses(platform, admin, 2) == [200, 429]
        assert len(await platform.log()) == 4


async def test_every_response_of_a_call_says_how_much_is_left(tmp_path: Path) -> None:
    async with running_platform(tmp_path, **only("extension_staff", to="3+1/min")) as platform:
        admin = await platform.admin()
        platform.respond_with(b"", headers={"ratelimit-remaining": "999", "RateLimit-Policy": "its own"})
        first = await platform.http.get(NOTES, headers=admin)
        assert state_of(first) == ("3", "2", "60")
        assert "ratelimit-policy" not in first.headers
        assert first.headers.get_list("ratelimit-remaining") == ["2"]
        platform.fail("trap")
        failed = await platform.http.get(NOTES, headers=admin)
        assert (failed.status_code, state_of(failed)) == (502, ("3", "1", "120"))
        await platform.http.get(NOTES, headers=admin)
        denied = await platform.http.get(NOTES, headers=admin)
        assert (denied.status_code, state_of(denied), denied.headers["retry-after"]) == (429, ("3", "0", "180"), "60")


async def test_without_a_limit_there_are_no_headers(tmp_path: Path) -> None:
    async with running_platform(tmp_path, **only("user_clients", to="1+1/s")) as platform:
        response = await platform.http.get(NOTES, headers=await platform.admin())
        assert not set(RATE_HEADERS) & set(response.headers)


async def test_a_user_who_calls_too_often_does_not_affect_the_others(tmp_path: Path) -> None:
    async with running_platform(tmp_path, **only("user_staff", to="2+1/s")) as platform:
        loud, quiet = await platform.admin(), await platform.key_of(await add_user(platform.db, "quiet@example.com", admin=True))
        assert await statuses(platform, loud, 3) == [200, 200, 429]
        denied = await platform.http.get(NOTES, headers=loud)
        assert denied.json()["details"]["limit"] == "user"
        assert await statuses(platform, quiet, 2) == [200, 200]


async def test_client_users_and_internal_users_have_separate_allowances(tmp_path: Path) -> None:
    limits = only("extension_staff", to="1+1/min") | {"rate_limit_extension_clients": "2+1/min"}
    async with running_platform(tmp_path, **limits) as platform:
        await platform.install(version="1.1.0", ui=PORTAL)
        client = await platform.key_of(await add_user(platform.db, "carl@example.com", user_type="client", client=True))
        admin = await platform.admin()
        assert await statuses(platform, client, 3) == [200, 200, 429]
        assert await statuses(platform, admin, 2) == [200, 429]


async def test_a_call_without_permission_does_not_count(tmp_path: Path) -> None:
    async with running_platform(tmp_path, **only("extension_staff", to="1+1/min")) as platform:
        without_permission = await platform.key_of(await add_user(platform.db, "ada@example.com"))
        assert await statuses(platform, without_permission, 2) == [403, 403]
        assert await statuses(platform, await platform.admin(), 2) == [200, 429]


async def test_an_authors_loop_meets_no_limit_in_development(tmp_path: Path) -> None:
    async with running_platform(tmp_path, environment="development") as platform:
        # The clock of this platform stands still, so that nothing is refilled: the burst alone must be enough.
        assert await statuses(platform, await platform.admin(), 61) == [200] * 61
        response = await platform.http.get(NOTES, headers=await platform.key_of(await add_user(platform.db, "e@example.com", admin=True)))
        assert state_of(response)[:2] == ("20000", "19938")
