from __future__ import annotations

import base64

import pytest

from holdfast.gateway.calls.iframe import effective_method
from holdfast.gateway.http.errors import InvalidRequest
from tests.gateway.platform import ORIGIN, Platform
from tests.records.databases import add_user

NOTES = "/api/ext-proxy/com.example.notes/notes"


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("", b"", ("POST", "", b"")),
        ("a=1", b"plain", ("POST", "a=1", b"plain")),
        ("__method=GET", b'{"a":1}', ("GET", "", None)),
        ("a=1&__method=delete&b=2", None, ("DELETE", "a=1&b=2", None)),
        ("a=%20&__meth%6fd=put", b"x", ("PUT", "a=%20", b"x")),
        ("", b'{"__method":"PATCH","a":1}', ("PATCH", "", b'{"a":1}')),
        ("", b'{"__method":"post"}', ("POST", "", None)),
        ("", b'{"__method":"GET","a":1}', ("GET", "", None)),
        ("__method=PUT", b'{"__method":"DELETE","a":1}', ("PUT", "", b'{"a":1}')),
        ("", b'["__method"]', ("POST", "", b'["__method"]')),
        ("", b'{"a":{"__method":"GET"}}', ("POST", "", b'{"a":{"__method":"GET"}}')),
        ("", b"__method=GET", ("POST", "", b"__method=GET")),
    ],
)
def test_a_post_means_the_method_it_names_and_the_marker_is_taken_out(
    query: str, body: bytes | None, expected: tuple[str, str, bytes | None]
) -> None:
    assert effective_method(query, body) == expected


@pytest.mark.parametrize(
    ("query", "body"),
    [("__method=TRACE", None), ("__method=", None), ("__method", None), ("", b'{"__method":7}'), ("", b'{"__method":"X"}')],
)
def test_a_marker_that_names_no_method_is_refused(query: str, body: bytes | None) -> None:
    with pytest.raises(InvalidRequest):
        effective_method(query, body)


async def test_a_page_posts_and_the_extension_sees_the_method_it_meant(platform: Platform) -> None:
    cookie = {**await platform.cookie_of(await add_user(platform.db, "ada@example.com", admin=True)), "origin": ORIGIN}
    response = await platform.http.post(f"{NOTES}?__method=GET&q=1", content=b"{}", headers=cookie)
    assert (response.status_code, response.content) == (200, b"hello")
    http = platform.runner.requests[0].json["http"]
    assert (http["method"], http["url"], http.get("body_b64")) == ("GET", "/notes?q=1", None)
    (row,) = await platform.log()
    assert row.metrics is not None and row.metrics["method"] == "GET"


async def test_the_intended_method_decides_the_permission(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    reader = await platform.key_of(user, scopes=["extension:read"])
    assert (await platform.http.post(f"{NOTES}?__method=GET", headers=reader)).status_code == 200
    assert (await platform.http.post(NOTES, headers=reader)).status_code == 403
    response = await platform.http.post(f"{NOTES}?__method=DELETE", headers=await platform.key_of(user))
    assert (response.status_code, response.json()["error"]) == (404, "endpoint_not_found")


async def test_only_a_post_can_mean_another_method(platform: Platform) -> None:
    response = await platform.http.get(f"{NOTES}?__method=POST", headers=await platform.admin())
    assert response.status_code == 200
    http = platform.runner.requests[0].json["http"]
    assert (http["method"], http["query"]) == ("GET", {"__method": "POST"})


async def test_a_marked_get_still_needs_the_own_origin_from_a_browser(platform: Platform) -> None:
    cookie = await platform.cookie_of(await add_user(platform.db, "ada@example.com", admin=True))
    response = await platform.http.post(f"{NOTES}?__method=GET", headers={**cookie, "origin": "null"})
    assert (response.status_code, response.json()["error"]) == (403, "origin_mismatch")


async def test_other_fields_of_the_body_stay(platform: Platform) -> None:
    await platform.http.post(NOTES, json={"__method": "POST", "title": "x"}, headers=await platform.admin())
    assert base64.b64decode(platform.runner.requests[0].json["http"]["body_b64"]) == b'{"title":"x"}'


async def test_somebody_unknown_is_refused_before_the_body_is_read(platform: Platform) -> None:
    response = await platform.http.post(NOTES, content=b"x" * 20_000_000)
    assert response.status_code == 401


async def test_a_body_above_the_limit_is_refused(platform: Platform) -> None:
    limit = platform.services.settings.request_body_max_bytes
    response = await platform.http.post(NOTES, content=b"x" * (limit + 1), headers=await platform.admin())
    assert (response.status_code, response.json()["details"]) == (413, {"limit": limit})
    assert await platform.log() == []


async def test_both_gateways_respond_alike(platform: Platform) -> None:
    admin = {**await platform.admin(), "x-request-id": "req-1"}
    platform.respond_with(b"body", 201, {"x-own": "1", "content-type": "text/x"})
    answers = [await platform.http.get(NOTES.replace("ext-proxy", kind), headers=admin) for kind in ("ext", "ext-proxy")]
    for answer in answers:
        del answer.headers["ratelimit-remaining"]  # one less with each call
    assert answers[0].headers == answers[1].headers
    platform.fail("trap")
    failures = [await platform.http.get(NOTES.replace("ext-proxy", kind), headers=admin) for kind in ("ext", "ext-proxy")]
    assert failures[0].json() == failures[1].json()
    assert {row.request_id for row in await platform.log()} == {"req-1"}
