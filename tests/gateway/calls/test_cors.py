"""OPTIONS and CORS of both gateways of calls: nothing for origins that are not listed, and never a cookie for another origin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from holdfast.settings import Settings
from holdfast.settings.settings import InvalidSettings
from tests.gateway.platform import Front, Platform
from tests.gateway.platform import platform as made
from tests.records.databases import add_user

LISTED = "https://app.example.com"
PATHS = ["/api/ext/com.example.notes/notes", "/api/ext-proxy/com.example.notes/notes"]
PREFLIGHT = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization, x-own"}


@pytest.fixture
async def listed(tmp_path: Path, front: Front) -> AsyncIterator[Platform]:
    origins = f"{LISTED.upper()}:443/ , http://localhost:5173"
    async with made(tmp_path, front=front, gateway_allowed_origins=origins, proxy_allowed_origins=origins) as platform:
        yield platform


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
async def test_options_is_answered_by_the_gateway_without_credentials(platform: Platform, path: str) -> None:
    for headers in ({}, {"origin": LISTED, **PREFLIGHT}):
        response = await platform.http.options(path, headers=headers)
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        assert cors(response.headers) == {}, "no origin is listed by default"
    assert platform.runner.requests == [] and await platform.log() == []


@pytest.mark.parametrize("path", PATHS)
async def test_a_listed_origin_may_send_a_key_and_read_responses_and_errors(listed: Platform, path: str) -> None:
    preflight = await listed.http.options(path, headers={"origin": LISTED, **PREFLIGHT})
    assert preflight.status_code == 204
    assert preflight.headers["vary"] == "Origin"
    assert cors(preflight.headers) == {
        "access-control-allow-origin": LISTED,
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "authorization, x-own",
        "access-control-max-age": "600",
    }
    for headers, status in ((await listed.admin(), 200), ({}, 401)):
        response = await listed.http.get(path, headers={**headers, "origin": LISTED})
        assert response.status_code == status
        assert response.headers["vary"] == "Origin"
        assert cors(response.headers) == {"access-control-allow-origin": LISTED, "access-control-expose-headers": "*"}


@pytest.mark.parametrize("origin", ["https://app.example.com.evil.test", "http://app.example.com", "null", "https://other.example.com"])
async def test_another_origin_may_read_nothing(listed: Platform, origin: str) -> None:
    admin = await listed.admin()
    for path in PATHS:
        preflight = await listed.http.options(path, headers={"origin": origin, **PREFLIGHT})
        response = await listed.http.get(path, headers={**admin, "origin": origin})
        assert (preflight.status_code, response.status_code) == (204, 200)
        assert cors(preflight.headers) == cors(response.headers) == {}
        assert preflight.headers["vary"] == response.headers["vary"] == "Origin"


async def test_the_cookie_of_a_user_never_counts_for_a_listed_origin(listed: Platform) -> None:
    cookie = await listed.cookie_of(await add_user(listed.db, "ada@example.com", admin=True))
    for path in PATHS:
        response = await listed.http.get(path, headers={**cookie, "origin": LISTED})
        assert (response.status_code, response.json()["error"]) == (403, "origin_mismatch")
        assert "access-control-allow-credentials" not in response.headers


async def test_an_extension_cannot_open_itself_to_an_origin(listed: Platform) -> None:
    listed.respond_with(b"", 200, {"access-control-allow-origin": "*", "access-control-allow-credentials": "true", "vary": "accept"})
    response = await listed.http.get(PATHS[0], headers={**await listed.admin(), "origin": "https://other.example.com"})
    assert cors(response.headers) == {}
    assert response.headers.get_list("vary") == ["accept", "Origin"]


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("", ""),
        (" https://App.example.com:443/ ,, http://localhost:80", "https://app.example.com,http://localhost"),
        ("http://[::1]:5173", "http://[::1]:5173"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(given: str, origins: str) -> None:
    assert Settings(_env_file=None, gateway_allowed_origins=given).gateway_allowed_origins == origins


@pytest.mark.parametrize(
    "given", ["*", "null", "app.example.com", "https://*.example.com", "https://a.test/path", "https://u@a.test", "ftp://a"]
)
def test_what_is_no_single_origin_is_an_error_at_the_start(given: str) -> None:
    with pytest.raises(InvalidSettings, match="origin"):
        Settings(_env_file=None, proxy_allowed_origins=given)
