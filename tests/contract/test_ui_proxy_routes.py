"""Which routes of the application a declaration covers."""

from __future__ import annotations

import pytest

from holdfast.contract.ui_proxy_routes import is_closed, is_declared, platform_segments

ROUTES = ["GET /api/v1/tickets", "POST /api/v1/tickets/:id/comments"]


@pytest.mark.parametrize(
    ("method", "route", "declared"),
    [
        ("GET", "/api/v1/tickets", True),
        ("GET", "api/v1/tickets?status=open", True),
        ("GET", "/api//v1/tickets/", True),
        ("POST", "/api/v1/tickets", False),
        ("GET", "/api/v1/tickets/7", False),
        ("GET", "/api/v1/Tickets", False),
        ("POST", "/api/v1/tickets/7/comments", True),
        ("POST", "/api/v1/tickets/7/8/comments", False),
        ("POST", "/api/v1/tickets//comments", False),
        ("GET", "/api/v1/tickets/7/comments", False),
        ("GET", "/api/", False),
    ],
)
def test_a_route_is_declared_with_its_method_and_segments(method: str, route: str, declared: bool) -> None:
    segments = platform_segments(route)
    assert segments is not None
    assert is_declared(ROUTES, method, segments) is declared


@pytest.mark.parametrize("route", ["/tickets", "tickets", "/apis/x", "//api/v1", "/?x=/api/v1", "/api"])
def test_other_routes_are_the_extensions_own(route: str) -> None:
    assert platform_segments(route) is None


@pytest.mark.parametrize(
    ("route", "closed"), [("/api/internal/x", True), ("/api/EXT/a", True), ("/api/ext-proxy/a", True), ("/api/ext-x", False)]
)
def test_the_internal_api_and_extensions_are_closed(route: str, closed: bool) -> None:
    segments = platform_segments(route)
    assert segments is not None
    assert is_closed(segments) is closed
