"""`POST /api/ext-debug/logs`: the last lines of a tenant's extensions, and what follows them."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.contract.debug_event import DebugEvent
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

LOGS = "/api/ext-debug/logs"


def publish(platform: Platform, message: str, *, extension_id: str = "", ts: int = 1, level: Any = "info", **more: Any) -> None:
    fields = {"tenant_id": TENANT, "stream": "log", "extension_id": extension_id or platform.installed.registry_id} | more
    platform.services.events.publish(DebugEvent(ts=ts, level=level, message=message, **fields))


async def install(platform: Platform, name: str, tenant_id: str = TENANT) -> Installed:
    using = collaborators(platform.db, platform.services.store)
    archive = archive_of(platform.folder / f"{name}.tar.zst", name=name)
    return await install_archive(using, archive, actor=local_actor(tenant_id), check_component=None)


async def read(platform: Platform, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    response = await platform.http.post(LOGS, headers=headers, json=body)
    assert response.status_code == 200, response.text
    shape: dict[str, Any] = response.json()
    return shape


def messages(shape: dict[str, Any]) -> list[str]:
    return [event["message"] for event in shape["events"]]


async def test_the_newest_lines_of_all_extensions_come_by_time_and_then_what_follows(platform: Platform) -> None:
    admin = await platform.admin()
    other = await install(platform, "com.example.other")
    publish(platform, "one", ts=1)
    publish(platform, "three", ts=3)
    publish(platform, "two", ts=2, extension_id=other.registry_id)
    first = await read(platform, admin, lines=2)
    assert messages(first) == ["two", "three"]
    assert first["names"] == {platform.installed.registry_id: "com.example.notes", other.registry_id: "com.example.other"}
    assert messages(await read(platform, admin, after=first["after"])) == []
    publish(platform, "four", ts=4, extension_id=other.registry_id)
    publish(platform, "five", ts=5)
    second = await read(platform, admin, after=first["after"], lines=0)
    assert (messages(second), second["more"]) == (["four", "five"], False)
    only = await read(platform, admin, extensions=["com.example.other"])
    assert messages(only) == ["two", "four"]


async def test_lines_are_filtered_by_level_time_and_the_beginning_of_a_request_id(platform: Platform) -> None:
    admin = await platform.admin()
    for ts, level in enumerate(("trace", "debug", "info", "warn", "error"), start=1):
        publish(platform, level, ts=ts, level=level, request_id=f"AB{ts}")
    assert messages(await read(platform, admin)) == ["info", "warn", "error"]
    assert messages(await read(platform, admin, level="trace")) == ["trace", "debug", "info", "warn", "error"]
    assert messages(await read(platform, admin, level="warn")) == ["warn", "error"]
    assert messages(await read(platform, admin, sinceMs=4)) == ["warn", "error"]
    assert messages(await read(platform, admin, requestId="ab4")) == ["warn"]
    assert messages(await read(platform, admin, lines=1)) == ["error"]
    assert messages(await read(platform, admin, lines=0)) == []


async def test_following_misses_nothing_of_a_burst_and_nothing_of_a_new_extension(platform: Platform) -> None:
    admin = await platform.admin()
    position = (await read(platform, admin))["after"]
    assert set(position) == {platform.installed.registry_id}
    later = await install(platform, "com.example.later")
    for number in range(1_500):
        publish(platform, str(number), ts=number)
    publish(platform, "late", ts=2_000, extension_id=later.registry_id)
    assert messages(await read(platform, admin, after=position)) == [*map(str, range(1_500)), "late"]


async def test_only_lines_of_the_callers_tenant_are_read(platform: Platform) -> None:
    admin = await platform.admin()
    publish(platform, "secret", tenant_id=OTHER_TENANT)
    await install(platform, "com.example.theirs", OTHER_TENANT)
    assert messages(await read(platform, admin)) == []
    response = await platform.http.post(LOGS, headers=admin, json={"extensions": ["com.example.theirs"]})
    assert (response.status_code, response.json()["error"]) == (404, "extension_not_available")


async def test_it_needs_the_permission_to_read_extensions(platform: Platform) -> None:
    assert (await platform.http.post(LOGS, json={})).status_code == 401
    without = await platform.key_of(await add_user(platform.db, "ada@example.com"))
    assert (await platform.http.post(LOGS, json={}, headers=without)).status_code == 403


@pytest.mark.parametrize(
    "body", [{"after": {"x": "nonsense"}}, {"level": "loud"}, {"lines": 2_001}, {"lines": -1}, {"extensions": ["x"] * 201}]
)
async def test_an_invalid_request_is_refused(platform: Platform, body: dict[str, Any]) -> None:
    response = await platform.http.post(LOGS, headers=await platform.admin(), json=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
