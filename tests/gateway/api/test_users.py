"""The REST API of users and keys: who may use it, and that no caller can grant more than it has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response

from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.records.accounts import login
from holdfast.records.identities import Identity, has_permission
from holdfast.records.key_administration import issue_api_key, list_api_keys
from holdfast.records.sessions import SESSION_LIFETIME, create_session
from tests.gateway.platform import ORIGIN, Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

USERS, KEYS = "/api/v1/users", "/api/v1/api-keys"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
EVERY_ROUTE = [("GET", USERS), ("POST", USERS), ("GET", KEYS), ("POST", KEYS), ("DELETE", f"{KEYS}/{UNKNOWN_ID}")]
ADA = {"email": "ada@example.com"}


@pytest.fixture
async def admin(platform: Platform) -> Identity:
    return await add_user(platform.db, "admin@example.com", admin=True)


async def send(platform: Platform, method: str, url: str, headers: dict[str, str], body: Any = None) -> Response:
    return await platform.http.request(method, url, headers=headers, **({} if body is None else {"json": body}))


def code(response: Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


@pytest.mark.parametrize(("method", "url"), EVERY_ROUTE)
async def test_callers_without_credentials_or_permission_are_rejected_everywhere(
    platform: Platform, admin: Identity, method: str, url: str
) -> None:
    plain = await add_user(platform.db, "plain@example.com")
    client = await add_user(platform.db, "client@example.com", admin=True, user_type="client", client=True)
    created, revoked = await issue_api_key(platform.db, tenant_id=TENANT, user=admin.user_id)
    key = await send(platform, "DELETE", f"{KEYS}/{created.api_key_id}", await platform.key_of(admin))
    assert key.status_code == 200
    long_ago, _ = await create_session(platform.db, admin, now=lambda: platform.services.now() - SESSION_LIFETIME)
    cases: list[tuple[dict[str, str], tuple[int, str]]] = [
        ({}, (401, "unauthenticated")),
        ({"authorization": "Bearer hf_nonsense"}, (401, "unauthenticated")),
        ({"authorization": f"Bearer {revoked}"}, (401, "unauthenticated")),
        ({"cookie": f"{SESSION_COOKIE}={long_ago}", "origin": ORIGIN}, (401, "unauthenticated")),
        (await platform.key_of(plain), (403, "forbidden")),
        (await platform.key_of(client), (403, "forbidden")),
        (await platform.key_of(admin, scopes=["extension:write", "extension:read"]), (403, "forbidden")),
        (await platform.key_of(admin) | {"x-alga-tenant": OTHER_TENANT}, (403, "tenant_mismatch")),
    ]
    if method != "GET":
        cases.append((await platform.key_of(admin, scopes=["user:read"]), (403, "forbidden")))
        cases.append((await platform.cookie_of(admin) | {"origin": "null"}, (403, "origin_mismatch")))
    for headers, expected in cases:
        assert code(await send(platform, method, url, headers, ADA if url == USERS else {"scopes": ["*"]})) == expected, headers


async def test_a_created_user_gets_a_password_that_is_shown_once(platform: Platform, admin: Identity) -> None:
    headers = await platform.cookie_of(admin) | {"origin": ORIGIN}
    response = await send(platform, "POST", USERS, headers, ADA | {"firstName": "Ada", "lastName": "Lovelace"})
    assert response.status_code == 201 and response.headers["cache-control"] == "no-store"
    created = response.json()
    assert created["user"] | {"userId": "", "createdAt": ""} == {
        "userId": "",
        "email": "ada@example.com",
        "username": "ada",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "userType": "internal",
        "clientName": None,
        "isAdmin": False,
        "isInactive": False,
        "createdAt": "",
    }
    ada = await login(platform.db, "ada@example.com", created["password"])
    assert (ada.user_id, ada.tenant_id) == (created["user"]["userId"], TENANT)
    listed = await send(platform, "GET", USERS, headers)
    assert [one["email"] for one in listed.json()["users"]] == ["ada@example.com", "admin@example.com"]
    assert created["password"] not in listed.text and "argon2" not in listed.text


async def test_a_password_from_the_request_is_not_in_the_response(platform: Platform, admin: Identity) -> None:
    response = await send(platform, "POST", USERS, await platform.key_of(admin), ADA | {"password": "correct horse battery"})
    assert response.status_code == 201 and "correct horse" not in response.text and "password" not in response.json()
    assert (await login(platform.db, "ada@example.com", "correct horse battery")).email == "ada@example.com"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "invalid_request")),
        ({"email": "ada"}, (400, "invalid_account")),
        (ADA | {"password": "short"}, (400, "invalid_account")),
        (ADA | {"password": 5}, (400, "invalid_request")),
        (ADA | {"userType": "client"}, (400, "invalid_account")),
        (ADA | {"userType": "root"}, (400, "invalid_request")),
        (ADA | {"tenantId": OTHER_TENANT}, (400, "invalid_request")),
        ({"email": "admin@example.com"}, (409, "email_taken")),
        ({"email": "neighbour@example.com"}, (409, "email_taken")),
    ],
)
async def test_an_invalid_user_is_rejected(platform: Platform, admin: Identity, body: Any, expected: tuple[int, str]) -> None:
    await add_user(platform.db, "neighbour@example.com", tenant_id=OTHER_TENANT)
    assert code(await send(platform, "POST", USERS, await platform.key_of(admin), body)) == expected


async def test_only_administrators_with_an_unlimited_key_create_administrators(platform: Platform, admin: Identity) -> None:
    limited = await platform.key_of(admin, scopes=["user:write", "user:read"])
    assert code(await send(platform, "POST", USERS, limited, ADA | {"isAdmin": True})) == (403, "forbidden")
    assert (await send(platform, "POST", USERS, limited, {"email": "plain@example.com"})).status_code == 201
    created = await send(platform, "POST", USERS, await platform.key_of(admin), ADA | {"isAdmin": True})
    assert created.status_code == 201
    ada = await login(platform.db, "ada@example.com", created.json()["password"])
    assert await has_permission(platform.db, ada, "user", "write")


async def test_a_user_creates_a_key_sees_it_once_and_revokes_it(platform: Platform, admin: Identity) -> None:
    headers = await platform.cookie_of(admin) | {"origin": ORIGIN}
    until = (platform.services.now() + timedelta(days=30)).isoformat()
    response = await send(platform, "POST", KEYS, headers, {"scopes": ["user:read"], "description": "robot", "expiresAt": until})
    assert response.status_code == 201
    created, key = response.json()["apiKey"], response.json()["key"]
    assert (created["email"], created["scopes"], created["description"], created["revoked"]) == (
        "admin@example.com",
        ["user:read"],
        "robot",
        False,
    )
    robot = {"x-api-key": key}
    listed = await send(platform, "GET", KEYS, robot)
    assert listed.json() == {"apiKeys": [created]} and key not in listed.text
    assert (await send(platform, "POST", USERS, robot, ADA)).status_code == 403
    for _ in range(2):
        revoked = await send(platform, "DELETE", f"{KEYS}/{created['apiKeyId']}", headers)
        assert (revoked.status_code, revoked.json()["apiKey"]["revoked"]) == (200, True)
    assert (await send(platform, "GET", KEYS, robot)).status_code == 401


@pytest.mark.parametrize("scopes", [["*"], ["user:write", "extension:write"], ["user:read"]])
async def test_a_key_cannot_create_a_key_with_more_rights(platform: Platform, admin: Identity, scopes: list[str]) -> None:
    limited = await platform.key_of(admin, scopes=["user:write"])
    assert code(await send(platform, "POST", KEYS, limited, {"scopes": scopes})) == (400, "invalid_scopes")
    assert len(await list_api_keys(platform.db, tenant_id=TENANT)) == 1
    assert (await send(platform, "POST", KEYS, limited, {"scopes": ["user:write"]})).status_code == 201


async def test_a_key_cannot_create_a_key_that_expires_later(platform: Platform, admin: Identity) -> None:
    ends = platform.services.now() + timedelta(hours=1)
    mortal = await platform.key_of(admin, expires_at=ends)
    for later in (None, (ends + timedelta(seconds=1)).isoformat()):
        body = {"scopes": ["*"], "expiresAt": later}
        assert code(await send(platform, "POST", KEYS, mortal, body)) == (400, "invalid_api_key")
    assert (await send(platform, "POST", KEYS, mortal, {"scopes": ["*"], "expiresAt": ends.isoformat()})).status_code == 201


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "invalid_request")),
        ({"scopes": []}, (400, "invalid_scopes")),
        ({"scopes": ["everything"]}, (400, "invalid_scopes")),
        ({"scopes": ["*"], "expiresAt": "2020-01-01T00:00:00Z"}, (400, "invalid_api_key")),
        ({"scopes": ["*"], "expiresAt": "2999-01-01T00:00:00"}, (400, "invalid_request")),
        ({"scopes": ["*"], "userId": UNKNOWN_ID}, (400, "invalid_request")),
    ],
)
async def test_an_invalid_key_request_is_rejected(platform: Platform, admin: Identity, body: Any, expected: tuple[int, str]) -> None:
    assert code(await send(platform, "POST", KEYS, await platform.key_of(admin), body)) == expected


async def test_a_tenant_sees_and_changes_only_its_own(platform: Platform, admin: Identity) -> None:
    neighbour = await platform.key_of(await add_user(platform.db, "neighbour@example.com", tenant_id=OTHER_TENANT, admin=True))
    created, key = await issue_api_key(platform.db, tenant_id=TENANT, user=admin.user_id)
    assert [one["email"] for one in (await send(platform, "GET", USERS, neighbour)).json()["users"]] == ["neighbour@example.com"]
    assert created.api_key_id not in (await send(platform, "GET", KEYS, neighbour)).text
    for key_id in (created.api_key_id, UNKNOWN_ID, created.prefix, "x"):
        assert code(await send(platform, "DELETE", f"{KEYS}/{key_id}", neighbour)) == (404, "api_key_unknown")
    assert (await send(platform, "GET", USERS, {"x-api-key": key})).status_code == 200


async def test_a_user_is_deactivated_reactivated_logged_out_and_gets_another_password(platform: Platform, admin: Identity) -> None:
    headers = await platform.key_of(admin)
    ada = await add_user(platform.db, "ada@example.com", password="correct horse battery")
    session = await platform.cookie_of(ada)
    for body, inactive in (({"isInactive": True}, True), ({"isInactive": False}, False)):
        response = await send(platform, "PATCH", f"{USERS}/ada@example.com", headers, body)
        assert (response.status_code, response.json()) == (200, {"email": "ada@example.com"})
        listed = (await send(platform, "GET", USERS, headers)).json()["users"]
        assert {one["email"]: one["isInactive"] for one in listed}["ada@example.com"] is inactive
    assert code(await send(platform, "GET", "/api/v1/extensions", session)) == (401, "unauthenticated")
    assert (await send(platform, "PATCH", f"{USERS}/{ada.user_id}", headers, {"password": "another one altogether"})).status_code == 200
    assert (await login(platform.db, "ada@example.com", "another one altogether")).user_id == ada.user_id
    session = await platform.cookie_of(ada)
    assert (await send(platform, "DELETE", f"{USERS}/{ada.user_id}/sessions", headers)).json() == {"email": "ada@example.com"}
    assert code(await send(platform, "GET", "/api/v1/extensions", session)) == (401, "unauthenticated")


async def test_a_user_cannot_change_administrators_other_tenants_or_deactivate_themselves(platform: Platform, admin: Identity) -> None:
    limited, full = await platform.key_of(admin, scopes=["user:write", "user:read"]), await platform.key_of(admin)
    stranger = await add_user(platform.db, "stranger@example.com", tenant_id=OTHER_TENANT)
    password = {"password": "another one altogether"}
    assert code(await send(platform, "PATCH", f"{USERS}/{admin.user_id}", limited, password)) == (403, "forbidden")
    assert code(await send(platform, "DELETE", f"{USERS}/{admin.user_id}/sessions", limited)) == (403, "forbidden")
    assert code(await send(platform, "PATCH", f"{USERS}/{admin.user_id}", full, {"isInactive": True})) == (403, "forbidden")
    for user in (stranger.user_id, "stranger@example.com", "unknown@example.com", "%00"):
        assert code(await send(platform, "PATCH", f"{USERS}/{user}", full, password)) == (404, "user_unknown")
    assert code(await send(platform, "PATCH", f"{USERS}/{admin.user_id}", full, {"password": "short"})) == (400, "invalid_account")
    assert code(await send(platform, "PATCH", f"{USERS}/{admin.user_id}", full, {"isAdmin": True})) == (400, "invalid_request")


async def test_only_the_callers_tenant_is_listed(platform: Platform, admin: Identity) -> None:
    listed = (await send(platform, "GET", "/api/v1/tenants", await platform.key_of(admin))).json()["tenants"]
    assert [(one["tenantId"], one["name"], one["users"]) for one in listed] == [(TENANT, "First", 1)]
