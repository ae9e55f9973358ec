"""Each refusal of a call names its rule, and offers the remedy for its true cause."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from holdfast.registry.models.installs import TenantExtensionInstall
from tests.gateway.platform import Platform
from tests.records.databases import add_user

NOTES = "/api/ext/com.example.notes/notes"


async def refusal(platform: Platform, headers: dict[str, str], url: str = NOTES, method: str = "GET") -> tuple[int, dict[str, Any], str]:
    """Status, details and hint."""
    response = await platform.http.request(method, url, headers=headers)
    shape = response.json()
    assert shape["requestId"] == response.headers["x-request-id"]
    return response.status_code, shape["details"], shape["hint"]


async def test_an_extension_that_is_missing_and_one_that_is_disabled_have_different_rules(platform: Platform) -> None:
    admin = await platform.admin()
    status, details, hint = await refusal(platform, admin, "/api/ext/com.example.other/notes")
    assert (status, details) == (404, {"rule": "not_installed"}) and "holdfast list" in hint
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(is_enabled=False))
    status, details, hint = await refusal(platform, admin)
    assert (status, details) == (404, {"rule": "disabled"}) and "holdfast enable com.example.notes" in hint


@pytest.mark.parametrize(
    ("method", "path", "expected", "remedy"),
    [
        ("PUT", "/notes", {"rule": "method_not_declared", "methods": ["GET", "POST"]}, "Send GET, or declare PUT"),
        ("POST", "/notes/7", {"rule": "method_not_declared", "methods": ["GET"]}, "Send GET, or declare POST"),
        ("GET", "/note", {"rule": "path_not_declared"}, "Check the path"),
    ],
)
async def test_a_wrong_method_and_a_wrong_path_have_different_rules(
    platform: Platform, method: str, path: str, expected: dict[str, Any], remedy: str
) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    url = f"/api/ext/com.example.notes{path}"
    for scopes in (["extension:read", "extension:write"], ["extension:read"]):
        status, details, hint = await refusal(platform, await platform.key_of(user, scopes=scopes), url, method)
        # The list of all endpoints is for those who may change the extension.
        listed = {"endpoints": ["GET /notes", "GET /notes/:id", "POST /notes"]} if "extension:write" in scopes else {}
        assert (status, details) == (404, expected | listed)
        assert remedy in hint


async def test_a_missing_permission_and_a_missing_scope_have_different_rules(platform: Platform) -> None:
    without_roles = await add_user(platform.db, "bob@example.com")
    status, details, hint = await refusal(platform, await platform.key_of(without_roles))
    assert (status, details) == (403, {"rule": "permission", "permission": "extension:read"}) and "administrator" in hint
    admin = await add_user(platform.db, "ada@example.com", admin=True)
    status, details, hint = await refusal(platform, await platform.key_of(admin, scopes=["extension:read"]), method="POST")
    assert (status, details) == (403, {"rule": "key_scope", "permission": "extension:write"}) and "extension:write" in hint


async def test_client_users_learn_what_closes_an_extension_to_them(platform: Platform) -> None:
    client = await platform.key_of(await add_user(platform.db, "carl@example.com", user_type="client"))
    status, details, _ = await refusal(platform, client)
    assert (status, details) == (403, {"rule": "client_portal_closed"})
    portal = {"type": "iframe", "entry": "ui/index.html", "hooks": {"clientPortalMenu": {"label": "Notes"}}}
    await platform.install(version="1.1.0", ui=portal)
    assert (await refusal(platform, client))[1] == {"rule": "no_client"}
    closed = [{"method": "GET", "path": "/notes", "handler": "dist/main", "clientPortal": False}]
    await platform.install(version="1.2.0", ui=portal, api={"endpoints": closed})
    assert (await refusal(platform, client))[1] == {"rule": "endpoint_closed_to_clients"}
