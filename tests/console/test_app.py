"""Headers of every response of the console, and responses to errors."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.errors import HoldfastError
from tests.console.platform import Platform


@pytest.mark.parametrize("path", ["/login", "/msp/dashboard", "/msp/extensions/nothing/", "/no-such-page", "/client-portal"])
async def test_every_page_has_the_security_headers(platform: Platform, path: str) -> None:
    async with platform.logged_in() as client:
        if path == "/login":
            client.cookies.clear()
        response = await client.get(path)
    directives = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert directives["default-src"] == directives["script-src"] == directives["style-src"] == directives["form-action"] == "'self'"
    assert directives["object-src"] == directives["base-uri"] == directives["frame-ancestors"] == directives["frame-src"] == "'none'"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert "style=" not in response.text


async def test_unknown_pages_and_methods_get_error_pages(platform: Platform) -> None:
    async with platform.client() as client:
        missing = await client.get("/no/such<script>")
        method = await client.put("/login")
    assert (missing.status_code, method.status_code) == (404, 405)
    assert "Page not found" in missing.text
    assert "<script>" not in missing.text
    assert method.headers["allow"]


async def test_unknown_addresses_of_the_api_get_json(platform: Platform) -> None:
    async with platform.client() as client:
        response = await client.get("/api/no-such")
    assert response.status_code == 404
    assert response.json()["error"] == "not_found"


@pytest.mark.parametrize(("prefix", "is_json"), [("/api", True), ("", False)])
async def test_the_response_to_an_unexpected_error_has_no_detail(platform: Platform, prefix: str, is_json: bool) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("a secret detail")

    async def rejecting(request: Request) -> Response:
        raise HoldfastError("The disk is full.", hint="Delete files.")

    platform.app.router.routes.insert(0, Route(f"{prefix}/broken", broken))
    platform.app.router.routes.insert(0, Route(f"{prefix}/rejecting", rejecting))
    async with platform.client() as client:
        first, second = await client.get(f"{prefix}/broken"), await client.get(f"{prefix}/rejecting")
    assert (first.status_code, second.status_code) == (500, 500)
    assert "secret" not in first.text
    if is_json:
        assert first.json()["error"] == "internal_error"
        assert second.json() == {"error": "internal_error", "message": "The disk is full.", "hint": "Delete files."}
    else:
        assert "Something went wrong" in first.text
        assert "Delete files." in second.text
        assert "content-security-policy" in first.headers


async def test_browsers_revalidate_static_files_and_do_not_guess_their_type(platform: Platform) -> None:
    async with platform.client() as client:
        script = await client.get("/console/static/bridge.js")
        again = await client.get("/console/static/bridge.js", headers={"if-none-match": script.headers["etag"]})
        icon = await client.get("/favicon.ico", follow_redirects=True)
        outside = await client.get("/console/static/..%2fapp.py")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    assert script.headers["x-content-type-options"] == "nosniff"
    assert again.status_code == 304
    assert icon.headers["content-type"] == "image/svg+xml"
    assert outside.status_code == 404


async def test_the_gateway_is_part_of_the_application(platform: Platform) -> None:
    installed = await platform.install()
    async with platform.client() as client:
        response = await client.get(f"/api/ext-proxy/{installed.registry_id}/notes")
    assert response.status_code == 401
    assert response.json()["error"] == "unauthenticated"
