"""The REST: what is installed, its versions, grants, settings and secrets, as a program administers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.gateway.publisher import publish
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.registry.extensions import archive_of

ROOT = "/api/v1/extensions"
NAME = "acme.com.example.other"


class Rest:
    """The REST as an administrator of one tenant."""

    def __init__(self, platform: Platform, headers: dict[str, str]) -> None:
        self.platform = platform
        self.headers = headers

    async def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        options = {} if body is None else {"json": body}
        response = await self.platform.http.request(method, path, headers=self.headers, **options)
        assert response.status_code == status, response.text
        return response.json()

    async def publish(self, version: str, **changes: Any) -> dict[str, Any]:
        archive = archive_of(self.platform.folder / f"{version}.tar.zst", name="com.example.other", version=version, **changes)
        response = await publish(self.platform.http, archive, self.headers)
        assert response.status_code == 200, response.text
        shape: dict[str, Any] = response.json()
        return shape


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, database_url=database_url, environment="development", data_dir=tmp_path / "data") as running:
        yield running


@pytest.fixture
async def rest(platform: Platform) -> Rest:
    return Rest(platform, await platform.admin())


@pytest.fixture
async def neighbour(platform: Platform) -> Rest:
    user = await add_user(platform.db, "neighbour@example.com", tenant_id=OTHER_TENANT, admin=True)
    return Rest(platform, await platform.key_of(user))


async def test_a_published_version_is_reviewed_installed_shown_and_uninstalled(rest: Rest) -> None:
    published = await rest.publish("1.0.0")
    body = await rest("GET", f"/api/v1/publications/{NAME}/latest")
    assert (body["version"], body["capabilities"], body["egress"]) == (
        "1.0.0",
        ["cap:http.fetch", "cap:storage.kv"],
        ["api.example.com"],
    )
    installed = await rest("POST", ROOT, {"extension": NAME, "version": "1.0.0"}, 201)
    assert installed["registryId"] == published["extension"]["id"]
    assert installed["contentHash"] == f"sha256:{published['contentHash']}"
    listed = (await rest("GET", ROOT))["extensions"]
    assert [one["name"] for one in listed] == ["com.example.notes", "com.example.other"]
    for name in (NAME, NAME.upper(), installed["registryId"], installed["installId"], "com.example.other"):
        shown = await rest("GET", f"{ROOT}/{name}")
        assert (shown["installId"], shown["isEnabled"], shown["grantedEgress"]) == (installed["installId"], True, ["api.example.com"])
    removed = await rest("DELETE", f"{ROOT}/{NAME}")
    assert removed["registryId"] == installed["registryId"]
    assert (await rest("GET", f"{ROOT}/{NAME}", status=404))["error"] == "not_installed"


async def test_the_response_to_an_install_has_its_location(rest: Rest) -> None:
    await rest.publish("1.0.0")
    response = await rest.platform.http.post(ROOT, json={"extension": NAME}, headers=rest.headers)
    assert response.status_code == 201
    shown = await rest.platform.http.get(response.headers["location"], headers=rest.headers)
    assert shown.json()["name"] == "com.example.other"


async def test_an_install_can_grant_less_and_grants_can_be_changed(rest: Rest) -> None:
    await rest.publish("1.0.0")
    installed = await rest("POST", ROOT, {"extension": NAME, "capabilities": ["cap:storage.kv"], "egress": []}, 201)
    assert (installed["granted"], installed["egress"]) == (["cap:storage.kv"], [])
    more = await rest("POST", f"{ROOT}/{NAME}/grants", {"capabilities": ["cap:http.fetch"], "egress": ["api.example.com"]})
    assert (more["granted"], more["grantedEgress"]) == (["cap:http.fetch", "cap:storage.kv"], ["api.example.com"])
    less = await rest("DELETE", f"{ROOT}/{NAME}/grants", {"capabilities": ["cap:storage.kv"]})
    assert less["granted"] == ["cap:http.fetch"]
    assert await rest("GET", f"{ROOT}/{NAME}/grants") == less
    rejected = await rest("POST", f"{ROOT}/{NAME}/grants", {"capabilities": ["cap:everything"]}, 400)
    assert rejected["error"] == "unknown_capability"


async def test_an_upgrade_that_requests_more_waits_for_consent_and_can_be_rolled_back(rest: Rest) -> None:
    await rest.publish("1.0.0")
    await rest("POST", ROOT, {"extension": NAME}, 201)
    await rest.publish("1.1.0", egress=["api.example.com", "more.example.com"])
    rejected = await rest("POST", f"{ROOT}/{NAME}/upgrade", {"version": "1.1.0"}, 409)
    assert (rejected["error"], rejected["details"]) == (
        "CONSENT_REQUIRED",
        {"version": "1.1.0", "capabilities": [], "egress": ["more.example.com"]},
    )
    assert (await rest("GET", f"{ROOT}/{NAME}"))["pending"]["version"] == "1.1.0"
    upgraded = await rest("POST", f"{ROOT}/{NAME}/upgrade", {"version": "1.1.0", "consent": True})
    assert (upgraded["fromVersion"], upgraded["version"], upgraded["disabledSchedules"]) == ("1.0.0", "1.1.0", [])
    assert "more.example.com" in upgraded["egress"]
    back = await rest("POST", f"{ROOT}/{NAME}/rollback")
    assert (back["fromVersion"], back["version"]) == ("1.1.0", "1.0.0")


async def test_a_rollback_without_a_previous_version_is_rejected(rest: Rest) -> None:
    await rest.publish("1.0.0")
    await rest("POST", ROOT, {"extension": NAME}, 201)
    assert (await rest("POST", f"{ROOT}/{NAME}/rollback", {}, 409))["error"] == "nothing_to_roll_back"


async def test_versions_are_listed_and_a_yanked_one_is_not_installed(rest: Rest, neighbour: Rest) -> None:
    await rest.publish("1.0.0")
    await rest.publish("1.1.0")
    yanked = await rest("POST", f"{ROOT}/{NAME}/versions/1.1.0/yank", {"reason": "broken"})
    assert yanked == {"version": "1.1.0", "yanked": True}
    first, second = (await rest("GET", f"{ROOT}/{NAME}/versions"))["versions"]
    assert (first["version"], first["yanked"], first["yankedReason"]) == ("1.1.0", True, "broken")
    assert (second["version"], second["yanked"], second["installed"]) == ("1.0.0", False, False)
    assert (await neighbour("POST", ROOT, {"extension": NAME, "version": "1.1.0"}, 409))["error"] == "version_yanked"
    assert (await neighbour("POST", ROOT, {"extension": NAME}, 201))["version"] == "1.0.0"
    assert await rest("DELETE", f"{ROOT}/{NAME}/versions/1.1.0/yank") == {"version": "1.1.0", "yanked": False}
    assert (await rest("GET", f"/api/v1/publications/{NAME}/latest"))["version"] == "1.1.0"


async def test_only_the_publisher_yanks(rest: Rest, neighbour: Rest) -> None:
    await rest.publish("1.0.0")
    await neighbour("POST", f"{ROOT}/{NAME}/versions/1.0.0/yank", {}, 403)
    await neighbour("DELETE", f"{ROOT}/{NAME}/versions/1.0.0/yank", status=403)


async def test_an_install_is_disabled_and_enabled(rest: Rest) -> None:
    one = f"{ROOT}/acme.com.example.notes"
    assert await rest("POST", f"{one}/disable") == {"enabled": False}
    assert (await rest("GET", one))["isEnabled"] is False
    assert await rest("POST", f"{one}/enable", {}) == {"enabled": True}
    assert (await rest("GET", one))["isEnabled"] is True


async def test_settings_are_replaced_and_changed_one_by_one(rest: Rest) -> None:
    path = f"{ROOT}/acme.com.example.notes/config"
    assert await rest("PUT", path, {"config": {"a": 1, "snake_case": "x"}}) == {"config": {"a": 1, "snake_case": "x"}}
    assert await rest("PATCH", path, {"set": {"b": {"deep": True}}, "unset": ["a"]}) == {"config": {"snake_case": "x", "b": {"deep": True}}}
    assert await rest("GET", path) == {"config": {"snake_case": "x", "b": {"deep": True}}}


async def test_secrets_are_listed_by_name_and_never_shown(rest: Rest) -> None:
    path = f"{ROOT}/acme.com.example.notes/secrets"
    shape = await rest("PUT", path, {"values": {"token": "s3cret-value", "other": "x"}, "expiresAt": "2090-01-01T00:00:00Z"})
    assert (shape["keys"], shape["expiresAt"]) == (["other", "token"], "2090-01-01T00:00:00Z")
    shown = await rest.platform.http.get(path, headers=rest.headers)
    assert shown.json() == shape
    assert "s3cret-value" not in shown.text
    assert (await rest("DELETE", f"{path}/token"))["keys"] == ["other"]
    assert (await rest("PUT", path, {"values": {"third": "y"}}))["expiresAt"] == "2090-01-01T00:00:00Z"
    assert (await rest("DELETE", path))["keys"] == []


async def test_a_caller_with_read_permission_cannot_list_secrets(rest: Rest) -> None:
    user = await add_user(rest.platform.db, "reader@example.com", admin=True)
    reader = Rest(rest.platform, await rest.platform.key_of(user, scopes=["extension:read"]))
    await reader("GET", f"{ROOT}/acme.com.example.notes")
    rejected = await reader("GET", f"{ROOT}/acme.com.example.notes/secrets", status=403)
    assert rejected["error"] == "forbidden"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"extension": "x", "verison": "1"}),
        ("POST", "", {}),
        ("POST", "/x/upgrade", {"force": True}),
        ("POST", "/x/rollback", {"force": True}),
        ("POST", "/x/grants", {"capability": []}),
        ("DELETE", "/x/grants", {"capabilities": "cap:log.emit"}),
        ("PUT", "/x/config", {"a": 1}),
        ("PATCH", "/x/config", {"config": {}}),
        ("PUT", "/x/secrets", {"token": "x"}),
        ("PUT", "/x/secrets", {"values": {"a": 1}}),
        ("PUT", "/x/secrets", {"values": {"a": "b"}, "expiresAt": "tomorrow"}),
        ("POST", "/x/versions/1.0.0/yank", {"because": "x"}),
    ],
)
async def test_an_unknown_field_is_rejected_not_dropped(rest: Rest, method: str, path: str, body: Any) -> None:
    assert (await rest(method, f"{ROOT}{path}", body, 400))["error"] == "invalid_request"


async def test_no_error_response_has_the_value_of_a_secret(rest: Rest) -> None:
    path = f"{ROOT}/acme.com.example.notes/secrets"
    response = await rest.platform.http.put(path, json={"values": {"a": ["s3cret-value"]}}, headers=rest.headers)
    assert response.status_code == 400
    assert "s3cret-value" not in response.text


async def test_a_tenant_sees_and_changes_only_its_own(rest: Rest, neighbour: Rest) -> None:
    shown = await rest("GET", f"{ROOT}/acme.com.example.notes")
    assert (await neighbour("GET", ROOT))["extensions"] == []
    for name in ("acme.com.example.notes", shown["installId"], shown["registryId"]):
        for method, path in [
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/enable"),
            ("POST", "/disable"),
            ("POST", "/upgrade"),
            ("POST", "/rollback"),
            ("GET", "/config"),
            ("PATCH", "/config"),
            ("GET", "/grants"),
            ("GET", "/secrets"),
            ("DELETE", "/secrets"),
        ]:
            assert (await neighbour(method, f"{ROOT}/{name}{path}", status=404))["error"] == "not_installed"
    assert await rest("GET", f"{ROOT}/acme.com.example.notes") == shown


async def test_the_legacy_routes_install_update_and_uninstall(rest: Rest) -> None:
    registry_id = (await rest.publish("1.0.0"))["extension"]["id"]
    shape = await rest("POST", f"{ROOT}/install", {"registryId": registry_id, "version": "1.0.0"}, 202)
    install_id = (await rest("GET", f"{ROOT}/{NAME}"))["installId"]
    message = "Extension installation enqueued"
    assert shape == {"data": {"registryId": registry_id, "version": "1.0.0", "installId": install_id, "success": True, "message": message}}
    await rest.publish("1.1.0")
    updated = await rest("POST", f"{ROOT}/update", {"registryId": registry_id, "version": "1.1.0"})
    assert (updated["data"]["version"], updated["data"]["success"]) == ("1.1.0", True)
    removed = await rest("POST", f"{ROOT}/uninstall", {"registryId": registry_id})
    assert removed["data"] == {"registryId": registry_id, "success": True, "message": "Extension uninstalled successfully"}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("install", {"registryId": "x", "version": "1.0.0"}, 404, "extension_not_found"),
        ("install", {"registryId": "x"}, 400, "invalid_request"),
        ("update", {"registryId": "x", "version": "1.0.0"}, 404, "not_installed"),
        ("uninstall", {"registryId": "x"}, 404, "not_installed"),
    ],
)
async def test_errors_of_the_legacy_routes_have_the_message_where_the_tools_read_it(
    rest: Rest, path: str, body: dict[str, str], status: int, code: str
) -> None:
    rejected = await rest("POST", f"{ROOT}/{path}", body, status)
    assert (rejected["success"], rejected["error"]["code"]) == (False, code)
    assert rejected["error"]["message"].endswith(".")


async def test_a_session_can_administer_and_needs_an_origin_header_to_write(rest: Rest) -> None:
    user = await add_user(rest.platform.db, "session@example.com", admin=True)
    session = Rest(rest.platform, await rest.platform.cookie_of(user))
    await session("GET", ROOT)
    rejected = await session("POST", f"{ROOT}/acme.com.example.notes/disable", status=403)
    assert rejected["error"] == "origin_mismatch"
    session.headers["origin"] = "http://gateway.test"
    await session("POST", f"{ROOT}/acme.com.example.notes/disable")


async def test_the_audit_log_names_the_actor(rest: Rest) -> None:
    from sqlalchemy import select

    from holdfast.registry.models.publishing import ExtensionAuditLog

    await rest("POST", f"{ROOT}/acme.com.example.notes/disable")
    async with rest.platform.db.session() as session:
        (row,) = (await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.event_type == "extension.disabled"))).all()
    assert (row.tenant, row.user_email) == (TENANT, "admin@example.com")
