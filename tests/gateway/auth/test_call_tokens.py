"""With the token of its call, an extension has the rights of the call's caller on the routes that its manifest declares."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from holdfast.gateway.auth.call_tokens import CallToken, CallTokens
from holdfast.records.api_keys import revoke_api_keys
from holdfast.records.identities import Identity
from holdfast.records.models.users import User
from holdfast.records.tokens import token_hash
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.installs.grants import grant, revoke
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

PROXY = "com.example.proxy"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
TOKEN = CallToken(credential_hash="h", is_key=True, tenant_id="t", install_id="i", ends_at=int(NOW.timestamp()) + 10)
ROUTES = ["GET /api/v1/quotas", "GET /api/v1/extensions", "POST /api/v1/extensions", "GET /api/v1/users"]


async def install_proxy(platform: Platform, routes: list[str] | None = None) -> None:
    await platform.install(
        "proxy.tar.zst", name=PROXY, capabilities=["cap:ui.proxy"], egress=None, uiProxy={"routes": ROUTES if routes is None else routes}
    )


async def context_sent(platform: Platform, headers: dict[str, str]) -> dict[str, Any]:
    """Calls the extension; what the runner gets as context."""
    response = await platform.http.get(f"/api/ext/{PROXY}/notes", headers=headers)
    assert response.status_code == 200, response.text
    context: dict[str, Any] = platform.runner.requests[-1].json["context"]
    return context


async def route(
    platform: Platform, token: str, path: str = "/api/v1/quotas", method: str = "GET", **headers: str
) -> tuple[int, str | None]:
    """What a request with the token of a call gets: status and error code."""
    response: httpx2.Response = await platform.http.get(path, headers={"x-ext-call-token": token, **headers})
    return response.status_code, response.json().get("error")


@pytest.fixture
async def admin(platform: Platform) -> Identity:
    await install_proxy(platform)
    return await add_user(platform.db, "admin@example.com", admin=True)


@pytest.fixture
async def token(platform: Platform, admin: Identity) -> str:
    """The token of a call by an administrator."""
    text: str = (await context_sent(platform, await platform.key_of(admin)))["call_token"]
    return text


async def test_declared_routes_answer_with_the_callers_rights(platform: Platform, token: str) -> None:
    assert await route(platform, token) == (200, None)
    assert await route(platform, token, "/api/v1/extensions") == (200, None)
    # The install's own key, which the runner adds for other applications, changes nothing.
    assert await route(platform, token, **{"x-api-key": "hf_unknown"}) == (200, None)


async def test_a_session_counts_as_a_key_does(platform: Platform, admin: Identity) -> None:
    token = (await context_sent(platform, await platform.cookie_of(admin)))["call_token"]
    assert await route(platform, token) == (200, None)


async def test_a_caller_without_the_permission_does_not_get_it(platform: Platform, admin: Identity) -> None:
    limited = await platform.key_of(admin, scopes=["extension:read"])
    token = (await context_sent(platform, limited))["call_token"]
    assert await route(platform, token) == (200, None)
    reader = await add_user(platform.db, "client@example.com", user_type="client", client=True)
    await platform.install(
        "proxy.tar.zst",
        name=PROXY,
        capabilities=["cap:ui.proxy"],
        egress=None,
        uiProxy={"routes": ROUTES},
        ui={"type": "iframe", "entry": "ui/index.html", "hooks": {"clientPortalMenu": {"label": "Proxy"}}},
    )
    token = (await context_sent(platform, await platform.key_of(reader)))["call_token"]
    assert await route(platform, token) == (403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/tenants"), ("POST", "/api/v1/users"), ("GET", "/api/v1/extensions/com.example.notes"), ("HEAD", "/api/v1/quotas")],
)
async def test_other_routes_are_forbidden(platform: Platform, token: str, method: str, path: str) -> None:
    response = await platform.http.request(method, path, headers={"x-ext-call-token": token})
    assert response.status_code == 403
    assert method == "HEAD" or response.json()["details"]["rule"] == "ui_proxy"


async def test_calls_of_extensions_are_closed_although_the_caller_may(platform: Platform, token: str) -> None:
    calls = len(platform.runner.requests)
    assert await route(platform, token, f"/api/ext/{PROXY}/notes") == (403, "forbidden")
    assert len(platform.runner.requests) == calls


async def test_an_extension_never_administers_for_its_user(platform: Platform, token: str) -> None:
    """The route is declared and the user may: with this right, an extension could grant itself others or make keys that outlive it."""
    response = await platform.http.get("/api/v1/users", headers={"x-ext-call-token": token})
    assert (response.status_code, response.json()["details"]["permission"]) == (403, "user:read")


async def test_the_token_ends_with_the_time_the_key_the_user_the_grant_and_the_install(platform: Platform, admin: Identity) -> None:
    async def fresh() -> str:
        text: str = (await context_sent(platform, await platform.key_of(admin)))["call_token"]
        assert await route(platform, text) == (200, None)
        return text

    token = await fresh()
    now = platform.services.now
    platform.services.now = lambda: now() + timedelta(minutes=5)
    assert await route(platform, token) == (401, "unauthenticated")
    platform.services.now = now

    token = (await context_sent(platform, await platform.key_of(admin, description="of a script")))["call_token"]
    await revoke_api_keys(platform.db, tenant_id=TENANT, user_id=admin.user_id, description="of a script")
    assert await route(platform, token) == (401, "unauthenticated")

    token = await fresh()
    await revoke(platform.db, actor=local_actor(TENANT), extension=PROXY, capabilities=["cap:ui.proxy"])
    assert await route(platform, token) == (403, "forbidden")
    assert "call_token" not in await context_sent(platform, await platform.key_of(admin))

    await grant(platform.db, actor=local_actor(TENANT), extension=PROXY, capabilities=["cap:ui.proxy"])
    token = await fresh()
    await set_enabled(platform.db, actor=local_actor(TENANT), extension=PROXY, enabled=False)
    assert await route(platform, token) == (403, "forbidden")
    await set_enabled(platform.db, actor=local_actor(TENANT), extension=PROXY, enabled=True)

    token = await fresh()
    async with platform.db.transaction() as session:
        await session.execute(update(User).where(User.user_id == admin.user_id).values(is_inactive=True))
    assert await route(platform, token) == (401, "unauthenticated")


async def test_a_route_that_a_new_version_no_longer_declares_is_closed(platform: Platform, token: str) -> None:
    await install_proxy(platform, ["GET /api/v1/extensions"])
    assert await route(platform, token) == (403, "forbidden")


async def test_an_extension_without_routes_gets_no_token(platform: Platform, admin: Identity) -> None:
    await install_proxy(platform, [])
    context = await context_sent(platform, await platform.key_of(admin))
    assert (context["ui_proxy_routes"], "call_token" in context) == ([], False)
    notes = await platform.http.get("/api/ext/com.example.notes/notes", headers=await platform.key_of(admin))
    assert notes.status_code == 200
    assert not {"ui_proxy_routes", "call_token"} & platform.runner.requests[-1].json["context"].keys()


async def test_a_header_of_another_tenant_is_refused(platform: Platform, token: str) -> None:
    assert await route(platform, token, **{"x-alga-tenant": OTHER_TENANT}) == (403, "tenant_mismatch")


async def test_a_credential_of_another_tenant_opens_nothing(platform: Platform, admin: Identity) -> None:
    other = await add_user(platform.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True)
    key = (await platform.key_of(other))["authorization"]
    forged = CallToken(
        credential_hash=token_hash(key.removeprefix("Bearer ")),
        is_key=True,
        tenant_id=TENANT,
        install_id=platform.installed.install_id,
        ends_at=2**40,
    )
    assert await route(platform, platform.services.call_tokens.issue(forged)) == (401, "unauthenticated")


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 5_000, base64.urlsafe_b64encode(b"x" * 60).decode()])
async def test_what_is_no_token_is_unauthenticated(platform: Platform, admin: Identity, text: str) -> None:
    response = await platform.http.get(
        "/api/v1/quotas", headers=[(b"x-ext-call-token", text.encode()), *_raw(await platform.key_of(admin))]
    )
    assert response.status_code == 401


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def test_a_token_opens_with_its_key_until_its_end() -> None:
    text = CallTokens("secret").issue(TOKEN)
    assert CallTokens("secret").read(text, NOW) == TOKEN
    assert CallTokens("other").read(text, NOW) is None
    assert CallTokens("secret").read(text, NOW + timedelta(seconds=10)) is None


def test_no_changed_byte_of_a_token_passes() -> None:
    tokens = CallTokens("secret")
    sealed = base64.urlsafe_b64decode(tokens.issue(TOKEN))
    for index in range(len(sealed)):
        changed = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
        assert tokens.read(base64.urlsafe_b64encode(changed).decode(), NOW) is None
