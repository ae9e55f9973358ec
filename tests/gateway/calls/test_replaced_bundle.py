"""A call whose bundle is replaced and removed before the runner has fetched it runs on the bundle that replaced it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import JSONResponse

from holdfast.gateway.calls.dispatch import MAX_REPLACEMENTS
from tests.events.recording_server import Recorded
from tests.gateway.calls.outcomes import NOTES, outcome
from tests.gateway.platform import Platform

OK = {"status": 200, "headers": {}, "body_b64": "b2s=", "error": None}
GONE = {
    "status": 502,
    "headers": {},
    "body_b64": None,
    "error": "bundle_fetch_failed: it is gone",
    "failure": {"code": "bundle_fetch_failed", "message": "it is gone", "guest_stack": [], "stderr": [], "rule": "bundle_not_found"},
}


def runner_without(platform: Platform, missing: int, *, replace: bool = True) -> Callable[[Recorded], Awaitable[JSONResponse]]:
    """A runner that finds no bundle for the first calls. Meanwhile another one is installed, unless `replace` is false."""

    async def answer(_: Recorded) -> JSONResponse:
        number = len(platform.runner.requests)
        if number > missing:
            return JSONResponse(OK)
        if replace:
            await platform.install(f"{number}.tar.zst", displayName=f"Save {number}")
        return JSONResponse(GONE)

    return answer


def hashes(platform: Platform) -> list[str]:
    """The content hashes that the runner was asked for."""
    return [request.json["context"]["content_hash"] for request in platform.runner.requests]


async def test_the_call_runs_on_the_bundle_that_replaced_it(platform: Platform) -> None:
    platform.runner.answer = runner_without(platform, 2)
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.text) == (200, "ok")
    assert len(set(hashes(platform))) == 3
    assert await outcome(platform) == ("ok", None, 200)


async def test_a_bundle_that_is_missing_and_was_not_replaced_fails_the_call_at_once(platform: Platform) -> None:
    platform.runner.answer = runner_without(platform, 1, replace=False)
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.json()["details"]["rule"]) == (502, "bundle_not_found")
    assert len(hashes(platform)) == 1


async def test_a_call_does_not_follow_replacements_for_ever(platform: Platform) -> None:
    platform.runner.answer = runner_without(platform, 1_000)
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.json()["details"]["rule"]) == (502, "bundle_not_found")
    assert len(hashes(platform)) == 1 + MAX_REPLACEMENTS
