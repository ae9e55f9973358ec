"""Every endpoint, called without permission. A table lists all routes; a test fails when a route is missing from it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from sqlalchemy import update
from starlette.routing import Route

from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.records.identities import Identity
from holdfast.records.models.users import ApiKey, User
from holdfast.records.sessions import create_session
from tests.gateway.platform import AUTH_KEY, INTERNAL_TOKEN, ORIGIN, SERVICE_TOKEN, Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, add_user

pytestmark = pytest.mark.slow

Access = Literal["read", "write", "users", "internal", "lookup", "open"]
"""`read` and `write` are permissions for extensions, `users` those for users, and for other records of the tenant."""
Endpoint = tuple[str, str]

ONE = "/api/v1/extensions/{extension}"
OF_INSTALL = "/api/ext-storage/install/{install_id}/{namespace}/records"
OF_TENANT = "/api/v1/storage/namespaces/{namespace}/records"


def _of_schedules(root: str) -> dict[Endpoint, Access]:
    one = f"{root}/schedules/{{schedule}}"
    return {
        ("GET", f"{root}/schedules"): "read",
        ("POST", f"{root}/schedules"): "write",
        ("GET", one): "read",
        ("PATCH", one): "write",
        ("DELETE", one): "write",
        ("POST", f"{one}/run-now"): "write",
    }


ENDPOINTS: dict[Endpoint, Access] = {
    ("GET", "/api/v1/openapi.json"): "open",
    ("GET", "/api/v1/extensions"): "read",
    ("POST", "/api/v1/extensions"): "write",
    ("POST", "/api/v1/extensions/install"): "write",
    ("POST", "/api/v1/extensions/update"): "write",
    ("POST", "/api/v1/extensions/uninstall"): "write",
    ("GET", "/api/v1/quotas"): "read",
    ("GET", f"{ONE}/quotas"): "read",
    ("PATCH", f"{ONE}/quotas"): "write",
    ("GET", ONE): "read",
    ("DELETE", ONE): "write",
    ("POST", f"{ONE}/upgrade"): "write",
    ("POST", f"{ONE}/rollback"): "write",
    ("POST", f"{ONE}/enable"): "write",
    ("POST", f"{ONE}/disable"): "write",
    ("GET", f"{ONE}/config"): "read",
    ("PUT", f"{ONE}/config"): "write",
    ("PATCH", f"{ONE}/config"): "write",
    ("GET", f"{ONE}/grants"): "read",
    ("POST", f"{ONE}/grants"): "write",
    ("DELETE", f"{ONE}/grants"): "write",
    ("GET", f"{ONE}/secrets"): "write",
    ("PUT", f"{ONE}/secrets"): "write",
    ("DELETE", f"{ONE}/secrets"): "write",
    ("DELETE", f"{ONE}/secrets/{{key}}"): "write",
    ("GET", f"{ONE}/versions"): "read",
    ("POST", f"{ONE}/versions/{{version}}/yank"): "write",
    ("DELETE", f"{ONE}/versions/{{version}}/yank"): "write",
    ("GET", "/api/v1/publications/{extension}/{version}"): "read",
    ("POST", "/api/ext-bundles/upload-proxy"): "write",
    ("POST", "/api/ext-bundles/finalize"): "write",
    ("POST", "/api/ext-bundles/install"): "write",
    ("POST", "/api/ext-bundles/abort"): "write",
    ("GET", "/api/v1/tenants"): "users",
    ("GET", "/api/v1/users"): "users",
    ("POST", "/api/v1/users"): "users",
    ("PATCH", "/api/v1/users/{user}"): "users",
    ("DELETE", "/api/v1/users/{user}/sessions"): "users",
    ("GET", "/api/v1/api-keys"): "users",
    ("POST", "/api/v1/api-keys"): "users",
    ("DELETE", "/api/v1/api-keys/{key_id}"): "users",
    ("GET", "/api/extensions/install-info"): "read",
    ("GET", "/api/extensions/{extension}/endpoints"): "read",
    **_of_schedules(ONE),
    **_of_schedules("/api/extensions/{extension}"),
    ("GET", "/api/v1/schedules"): "read",
    ("GET", f"{ONE}/endpoints"): "read",
    ("GET", f"{ONE}/schedules/{{schedule}}/runs"): "read",
    ("GET", f"{ONE}/schedule-runs"): "read",
    ("GET", f"{ONE}/schedule-runs/{{run}}"): "read",
    ("GET", "/api/v1/events"): "read",
    ("GET", "/api/v1/events/{event_id}"): "write",
    ("POST", "/api/v1/events/{event_id}/retry"): "write",
    ("POST", "/api/v1/events/{event_id}/drop"): "write",
    ("GET", f"{ONE}/storage-schemas"): "read",
    ("PUT", f"{ONE}/storage-schemas"): "write",
    ("PATCH", f"{ONE}/storage-schemas"): "write",
    ("GET", "/api/v1/records/clients"): "users",
    ("GET", "/api/v1/records/contacts"): "users",
    ("GET", "/api/v1/records/services"): "users",
    ("GET", "/api/v1/records/invoices"): "users",
    ("POST", "/api/v1/records/clients/import"): "users",
    ("POST", "/api/v1/records/contacts/import"): "users",
    ("POST", "/api/v1/records/services/import"): "users",
    ("GET", OF_INSTALL): "read",
    ("POST", OF_INSTALL): "write",
    ("GET", f"{OF_INSTALL}/{{key}}"): "read",
    ("PUT", f"{OF_INSTALL}/{{key}}"): "write",
    ("DELETE", f"{OF_INSTALL}/{{key}}"): "write",
    ("GET", OF_TENANT): "read",
    ("POST", OF_TENANT): "write",
    ("GET", f"{OF_TENANT}/{{key}}"): "read",
    ("PUT", f"{OF_TENANT}/{{key}}"): "write",
    ("DELETE", f"{OF_TENANT}/{{key}}"): "write",
    ("GET", "/api/installs/validate"): "lookup",
    ("GET", "/api/installs/lookup-by-host"): "lookup",
    ("POST", "/api/internal/ext-runner/install-config"): "internal",
    ("POST", "/api/internal/ext-storage/install/{install_id}"): "internal",
    ("POST", "/api/internal/ext-debug/events"): "internal",
    ("POST", "/api/internal/ext-scheduler/install/{install_id}"): "internal",
    ("POST", "/api/internal/ext-background/calls/{call_id}"): "internal",
    ("POST", "/api/internal/ext-invoicing/install/{install_id}"): "internal",
    ("POST", "/api/internal/ext-clients/install/{install_id}"): "internal",
    ("POST", "/api/internal/ext-services/install/{install_id}"): "internal",
}
PREFIXES = ("/api/v1", "/api/ext-bundles", "/api/ext-storage", "/api/extensions", "/api/installs", "/api/internal")
SOME_ID = "0b0c9d8e-5f0a-4c57-9a59-6d1f2f0f7a11"
PATH_PARAMETERS = {
    "extension": "acme.com.example.notes",
    "version": "1.0.0",
    "key": "token",
    "install_id": SOME_ID,
    "namespace": "settings",
    "key_id": SOME_ID,
    "call_id": SOME_ID,
    "schedule": SOME_ID,
    "run": SOME_ID,
    "event_id": SOME_ID,
    "user": SOME_ID,
}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """On SQLite only: there are many tests, and they use the database alike."""
    async with running_platform(tmp_path, environment="development", data_dir=tmp_path / "data") as running:
        yield running


def endpoints_with(*kinds: Access) -> list[Endpoint]:
    return [endpoint for endpoint, access in ENDPOINTS.items() if access in kinds]


def name_of(endpoint: Endpoint) -> str:
    return " ".join(endpoint)


async def call(platform: Platform, endpoint: Endpoint, headers: dict[str, str]) -> httpx2.Response:
    """Calls the endpoint with a body that permitted callers may send: an error about the body means that the caller was admitted."""
    method, path = endpoint
    path = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: PATH_PARAMETERS[match[1]], path)
    # As from the console's own page, so that no request is rejected for its origin.
    return await platform.http.request(method, path, headers={"origin": ORIGIN} | headers, content=None if method == "GET" else b"{}")


def code_of(response: httpx2.Response) -> str:
    """The stable code, wherever the response has it."""
    shape: Any = response.json()
    nested = shape["error"] if isinstance(shape["error"], dict) else shape
    return str(nested.get("code") or nested["error"]).lower().replace("rbac_forbidden", "forbidden")


def is_admitted(response: httpx2.Response) -> bool:
    """Whether the access check admitted the caller. Later checks, such as whose a publisher's name is, do not count."""
    return response.is_success or code_of(response) not in {
        "unauthenticated",
        "unauthorized",
        "forbidden",
        "tenant_mismatch",
        "origin_mismatch",
    }


def served(platform: Platform) -> Iterator[Endpoint]:
    for route in platform.app.routes:
        if isinstance(route, Route) and route.path.startswith(PREFIXES):
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, route.path


async def test_every_route_is_in_the_table(platform: Platform) -> None:
    assert set(served(platform)) == set(ENDPOINTS)


@pytest.mark.parametrize("endpoint", endpoints_with("read", "write", "users"), ids=name_of)
async def test_an_endpoint_admits_only_permitted_callers(platform: Platform, endpoint: Endpoint) -> None:
    callers = await _rejected_callers(platform)
    for who, (headers, status, code) in callers.items():
        response = await call(platform, endpoint, headers)
        if who == "a reader" and ENDPOINTS[endpoint] == "read":
            assert response.status_code not in (401, 403), (who, response.text)
        else:
            assert (response.status_code, code_of(response)) == (status, code), (who, response.text)
    admin = await add_user(platform.db, "real@example.com", admin=True)
    for headers in (await platform.key_of(admin), await platform.cookie_of(admin)):
        response = await call(platform, endpoint, headers)
        assert is_admitted(response), response.text


@pytest.mark.parametrize("endpoint", [one for one in endpoints_with("read", "write", "users") if one[0] != "GET"], ids=name_of)
async def test_a_browser_cannot_write_from_a_page_of_another_origin(platform: Platform, endpoint: Endpoint) -> None:
    cookie = await platform.cookie_of(await add_user(platform.db, "browser@example.com", admin=True))
    for origin in ("http://elsewhere.test", "null"):
        response = await call(platform, endpoint, cookie | {"origin": origin})
        assert (response.status_code, code_of(response)) == (403, "origin_mismatch")


@pytest.mark.parametrize("endpoint", endpoints_with("internal", "lookup"), ids=name_of)
async def test_an_internal_endpoint_admits_only_its_token(platform: Platform, endpoint: Endpoint) -> None:
    admin = await add_user(platform.db, "admin@example.com", admin=True)
    key = (await platform.key_of(admin))["authorization"].removeprefix("Bearer ")
    wrong: list[dict[str, str]] = [
        {},
        {"x-runner-auth": ""},
        {"x-runner-auth": "wrong"},
        {"x-runner-auth": SERVICE_TOKEN},
        {"authorization": f"Bearer {INTERNAL_TOKEN}"},
        {"authorization": f"Bearer {key}"},
        {"x-api-key": key},
        {"x-runner-auth": key},
        await platform.cookie_of(admin),
        {"x-alga-admin": "true"},
    ]
    if ENDPOINTS[endpoint] == "internal":
        wrong.append({"x-api-key": AUTH_KEY})
    for headers in wrong:
        response = await call(platform, endpoint, headers)
        assert (response.status_code, code_of(response)) == (401, "unauthorized"), headers
    assert is_admitted(await call(platform, endpoint, {"x-runner-auth": INTERNAL_TOKEN}))


@pytest.mark.parametrize("endpoint", endpoints_with("open"), ids=name_of)
async def test_public_endpoints_need_no_credentials(platform: Platform, endpoint: Endpoint) -> None:
    assert (await call(platform, endpoint, {})).status_code == 200


async def _rejected_callers(platform: Platform) -> dict[str, tuple[dict[str, str], int, str]]:
    """Callers without permission, each with the expected status and code. The reader may read."""
    db = platform.db
    admin = await add_user(db, "admin@example.com", admin=True)
    other = await add_user(db, "other@example.com", tenant_id=OTHER_TENANT, admin=True)
    client = await add_user(db, "client@example.com", user_type="client", client=True)
    without_role = await add_user(db, "unknown@example.com")
    past = datetime.now(UTC) - timedelta(days=1)
    return {
        "no credentials": ({}, 401, "unauthenticated"),
        "the header x-alga-admin": ({"x-alga-admin": "true"}, 401, "unauthenticated"),
        "the service token": ({"x-runner-auth": INTERNAL_TOKEN}, 401, "unauthenticated"),
        "an unknown key": ({"x-api-key": "hf_" + "x" * 43}, 401, "unauthenticated"),
        "a malformed key": ({"x-api-key": "anything"}, 401, "unauthenticated"),
        "two credentials": (await platform.key_of(admin) | {"x-api-key": "hf_other"}, 401, "mixed_auth"),
        "another tenant, by x-tenant-id": (await platform.key_of(admin) | {"x-tenant-id": OTHER_TENANT}, 403, "tenant_mismatch"),
        "another tenant, by x-alga-tenant": (await platform.key_of(admin) | {"x-alga-tenant": OTHER_TENANT}, 403, "tenant_mismatch"),
        "another tenant's session": (await platform.cookie_of(other) | {"x-tenant-id": admin.tenant_id}, 403, "tenant_mismatch"),
        "a client user's key": (await platform.key_of(client), 403, "forbidden"),
        "a client user's session": (await platform.cookie_of(client), 403, "forbidden"),
        "a user without a role": (await platform.key_of(without_role), 403, "forbidden"),
        "a key without scopes": (await platform.key_of(admin, scopes=[]), 403, "forbidden"),
        "a key with another scope": (await platform.key_of(admin, scopes=["invoice:write"]), 403, "forbidden"),
        "a reader": (await platform.key_of(admin, scopes=["extension:read"]), 403, "forbidden"),
        "a revoked key": (await _revoked(platform, admin), 401, "unauthenticated"),
        "an expired key": (await platform.key_of(admin, expires_at=past), 401, "unauthenticated"),
        "an expired session": (await _expired(platform, admin), 401, "unauthenticated"),
        "a key of an inactive user": (await _inactive(platform), 401, "unauthenticated"),
    }


async def _revoked(platform: Platform, user: Identity) -> dict[str, str]:
    headers = await platform.key_of(user, description="revoked")
    async with platform.db.transaction() as session:
        await session.execute(update(ApiKey).where(ApiKey.description == "revoked").values(revoked=True))
    return headers


async def _expired(platform: Platform, user: Identity) -> dict[str, str]:
    token, _ = await create_session(platform.db, user, now=lambda: datetime.now(UTC) - timedelta(days=30))
    return {"cookie": f"{SESSION_COOKIE}={token}"}


async def _inactive(platform: Platform) -> dict[str, str]:
    user = await add_user(platform.db, "inactive@example.com", admin=True)
    headers = await platform.key_of(user)
    async with platform.db.transaction() as session:
        await session.execute(update(User).where(User.user_id == user.user_id).values(is_inactive=True))
    return headers
