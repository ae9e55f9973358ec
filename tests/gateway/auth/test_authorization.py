from __future__ import annotations

import pytest
from sqlalchemy import update
from starlette.requests import Request

from holdfast.gateway.auth.authentication import Caller, caller_of
from holdfast.gateway.auth.authorization import assert_access
from holdfast.gateway.http.errors import GatewayError
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import Contact, Permission, Role, RolePermission, UserRole
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

NOTES = "/api/ext/com.example.notes/notes"
PORTAL = {"type": "iframe", "entry": "ui/index.html", "hooks": {"clientPortalMenu": {"label": "Notes"}}}


async def administrator(platform: Platform) -> Caller:
    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in (await platform.admin()).items()]}
    return await caller_of(platform.services, Request(scope))


async def denied(platform: Platform, headers: dict[str, str], url: str = NOTES, method: str = "GET") -> tuple[int, str]:
    """Status and code of a refusal that neither the runner nor the execution log got to see."""
    response = await platform.http.request(method, url, headers=headers)
    assert platform.runner.requests == []
    assert await platform.log() == []
    return response.status_code, response.json()["error"]


async def test_an_extension_is_called_by_any_of_its_names(platform: Platform) -> None:
    admin = await platform.admin()
    installed = platform.installed
    for name in (installed.install_id, installed.registry_id, "acme.com.example.notes", "ACME.com.example.NOTES", "com.example.notes"):
        assert (await platform.http.get(f"/api/ext/{name}/notes", headers=admin)).status_code == 200
    assert {request.json["context"]["extension_id"] for request in platform.runner.requests} == {installed.registry_id}


async def test_an_extension_that_another_tenant_installed_does_not_exist(platform: Platform) -> None:
    stranger = await platform.key_of(await add_user(platform.db, "bob@example.com", admin=True, tenant_id=OTHER_TENANT))
    for name in (platform.installed.install_id, platform.installed.registry_id, "acme.com.example.notes"):
        assert await denied(platform, stranger, f"/api/ext/{name}/notes") == (404, "extension_not_available")


@pytest.mark.parametrize("values", [{"is_enabled": False}, {"status": "disabled"}, {"status": "pending"}])
async def test_only_an_enabled_install_is_available(platform: Platform, values: dict[str, object]) -> None:
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(**values))
    assert await denied(platform, await platform.admin()) == (404, "extension_not_available")


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "notes"), ("GET", "other"), ("GET", "notes/1/2"), ("GET", ""), ("PUT", "notes/1"), ("GET", "notes%2F1")]
)
async def test_an_undeclared_endpoint_cannot_be_called(platform: Platform, method: str, path: str) -> None:
    status, code = await denied(platform, await platform.admin(), f"/api/ext/com.example.notes/{path}", method)
    assert (status, code) in {(404, "endpoint_not_found"), (400, "invalid_request")}


@pytest.mark.parametrize("stored", ["[]", {}, None, [{"method": "GET"}], [7]])
async def test_invalid_endpoints_in_the_database_allow_no_call(platform: Platform, stored: object) -> None:
    async with platform.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(api_endpoints=stored if stored is not None else []))
    assert await denied(platform, await platform.admin()) == (404, "endpoint_not_found")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", ""])
async def test_other_methods_have_no_endpoints(platform: Platform, method: str) -> None:
    caller = await administrator(platform)
    with pytest.raises(GatewayError, match="no endpoints for") as raised:
        await assert_access(platform.services, caller, "com.example.notes", method, "/notes")
    assert raised.value.code == "endpoint_not_found"


async def test_access_has_the_canonical_ids_and_the_declared_endpoint(platform: Platform) -> None:
    caller = await administrator(platform)
    access = await assert_access(platform.services, caller, "com.example.notes", " head ", "/notes/7")
    installed = platform.installed
    assert (access.install_id, access.registry_id, access.version_id) == (
        installed.install_id,
        installed.registry_id,
        installed.version_id,
    )
    assert (access.endpoint.path, access.principal_kind, access.client_id) == ("/notes/:id", "msp", None)


async def test_a_reader_may_get_and_head_but_not_write(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com")
    await grant(platform, user.user_id, "extension", "read")
    headers = await platform.key_of(user)
    assert await denied(platform, headers, method="POST") == (403, "forbidden")
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 200
    assert (await platform.http.head(NOTES, headers=headers)).status_code == 200


async def test_a_writer_without_reading_may_not_get_or_head(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com")
    await grant(platform, user.user_id, "extension", "write")
    headers = await platform.key_of(user)
    assert await denied(platform, headers) == (403, "forbidden")
    assert (await platform.http.head(NOTES, headers=headers)).status_code == 403
    assert (await platform.http.post(NOTES, headers=headers)).status_code == 200


async def test_a_key_limited_to_reading_cannot_write(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    headers = await platform.key_of(user, scopes=["extension:read"])
    assert await denied(platform, headers, method="POST") == (403, "forbidden")
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 200


async def test_an_endpoint_with_a_permission_of_its_own_needs_that_too(platform: Platform) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/notes", "handler": "dist/main", "permission": "ticket:read"}]}
    await platform.install(version="1.1.0", api=api)
    user = await add_user(platform.db, "ada@example.com", admin=True)
    headers = await platform.key_of(user)
    assert await denied(platform, headers) == (403, "forbidden")
    await grant(platform, user.user_id, "ticket", "read")
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 200


async def test_a_client_user_calls_what_is_in_the_client_portal_for_their_own_client(platform: Platform) -> None:
    user = await add_user(platform.db, "carl@example.com", user_type="client", client=True)
    headers = await platform.key_of(user)
    assert await denied(platform, headers) == (403, "forbidden")
    await platform.install(version="1.1.0", ui=PORTAL)
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 200
    async with platform.db.session() as session:
        contact = await session.get_one(Contact, user.contact_id)
    sent = platform.runner.requests[-1].json["user"]
    assert (sent["user_type"], sent["client_id"]) == ("client", contact.client_id)
    assert (await platform.log())[0].metrics["principal_kind"] == "client"  # type: ignore[index]


async def test_a_client_user_without_a_client_is_rejected(platform: Platform) -> None:
    await platform.install(version="1.1.0", ui=PORTAL)
    user = await add_user(platform.db, "carl@example.com", user_type="client")
    assert await denied(platform, await platform.key_of(user)) == (403, "forbidden")


async def test_an_endpoints_permission_does_not_replace_the_permission_for_extensions(platform: Platform) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/notes", "handler": "dist/main", "permission": "billing:read"}]}
    await platform.install(version="1.1.0", api=api)
    user = await add_user(platform.db, "ada@example.com")
    await grant(platform, user.user_id, "billing", "read")
    assert await denied(platform, await platform.key_of(user)) == (403, "forbidden")
    await grant(platform, user.user_id, "extension", "read")
    assert (await platform.http.get(NOTES, headers=await platform.key_of(user))).status_code == 200
    narrow = await platform.key_of(user, scopes=["extension:read"])
    assert (await platform.http.get(NOTES, headers=narrow)).status_code == 403


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 200),
        ({"clientPortal": True}, 200),
        ({"clientPortal": False}, 403),
        ({"permission": "billing:read"}, 403),
        ({"permission": "billing:read", "clientPortal": True}, 200),
        ({"permission": "billing:read", "clientPortal": False}, 403),
    ],
)
async def test_client_users_can_call_an_endpoint_unless_it_is_closed_to_them_or_needs_a_permission(
    platform: Platform, said: dict[str, object], status: int
) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/notes", "handler": "dist/main", **said}]}
    await platform.install(version="1.1.0", ui=PORTAL, api=api)
    client = await platform.key_of(await add_user(platform.db, "carl@example.com", user_type="client", client=True))
    assert (await platform.http.get(NOTES, headers=client)).status_code == status


async def test_no_endpoint_opens_an_extension_that_is_not_in_the_client_portal(platform: Platform) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/notes", "handler": "dist/main", "clientPortal": True}]}
    await platform.install(version="1.1.0", api=api)
    user = await add_user(platform.db, "carl@example.com", user_type="client", client=True)
    assert await denied(platform, await platform.key_of(user)) == (403, "forbidden")


async def test_an_endpoint_closed_to_client_users_is_open_to_internal_users(platform: Platform) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/notes", "handler": "dist/main", "clientPortal": False}]}
    await platform.install(version="1.1.0", ui=PORTAL, api=api)
    assert (await platform.http.get(NOTES, headers=await platform.admin())).status_code == 200


async def test_endpoints_follow_the_installed_version(platform: Platform) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/new", "handler": "dist/main"}]}
    done = await platform.install(version="2.0.0", api=api)
    admin = await platform.admin()
    assert (await platform.http.get(NOTES, headers=admin)).json()["error"] == "endpoint_not_found"
    assert (await platform.http.get("/api/ext/com.example.notes/new", headers=admin)).status_code == 200
    assert platform.runner.requests[-1].json["context"]["content_hash"] == done.content_hash


async def test_a_database_failure_denies_access(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no database")

    admin = await platform.admin()
    monkeypatch.setattr("holdfast.gateway.snapshots.snapshots.read_install", fail)
    assert await denied(platform, admin) == (503, "access_policy_unavailable")


async def test_the_error_names_the_unknown_extension(platform: Platform) -> None:
    caller = await administrator(platform)
    with pytest.raises(GatewayError, match=r"unknown\.nothing") as raised:
        await assert_access(platform.services, caller, "unknown.nothing", "GET", "/")
    assert raised.value.code == "extension_not_available"


async def grant(platform: Platform, user_id: str, resource: str, action: str) -> None:
    role_id, permission_id = new_id(), new_id()
    async with platform.db.transaction() as session:
        session.add(Role(role_id=role_id, tenant=TENANT, role_name=f"{resource} {action} of {user_id}"))
        session.add(Permission(permission_id=permission_id, tenant=TENANT, resource=resource, action=action))
        await session.flush()
        session.add(RolePermission(role_id=role_id, permission_id=permission_id, tenant=TENANT))
        session.add(UserRole(user_id=user_id, role_id=role_id, tenant=TENANT))
