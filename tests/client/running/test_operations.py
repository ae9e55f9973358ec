"""What a platform does for commands, and what it refuses to do."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.progress import NoProgress
from holdfast.client.registry.platform import PlatformRegistry
from holdfast.client.registry.protocol import Registry
from holdfast.client.running.operations import MAX_VALID, OperationUnknown, PlatformOperations, RunnerFirst
from holdfast.client.users.platform import PlatformUserDirectory
from holdfast.client.users.protocol import UserDirectory
from holdfast.errors import HoldfastError
from holdfast.platform.control.messages import ControlRequest
from holdfast.records.accounts import has_development_account
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import TENANT
from tests.registry.extensions import archive_of


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, environment="development") as running:
        yield running


def request(operation: str, *, tenant: str | None = TENANT, strict: bool = False, **arguments: Any) -> ControlRequest:
    return ControlRequest(operation=operation, tenant=tenant, strict=strict, arguments=arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        request("registry.close"),
        request("registry._check_with"),
        request("registry.__init__"),
        request("registry.page_of", registry_id="x"),
        request("nothing.installs"),
        request("registry"),
        request("registry.grants"),
        request("registry.grants", extension=1),
        request("registry.grants", extension="x", more=True),
        request("registry.install_archive", archive=["x"], signature=None),
        request("maintenance.__class__"),
    ],
    ids=lambda one: f"{one.operation} {one.arguments}",
)
async def test_only_declared_operations_with_their_own_arguments_run(platform: Platform, wrong: ControlRequest) -> None:
    with pytest.raises(OperationUnknown, match="Restart the platform"):
        await PlatformOperations(platform.services, has_own_runner=True).run(wrong)


async def test_an_unsigned_bundle_is_rejected_for_a_command_that_wants_the_rules_of_production(platform: Platform) -> None:
    operations = PlatformOperations(platform.services, has_own_runner=True)
    archive = str(archive_of(platform.folder / "mine.tar.zst", name="com.example.mine"))
    with pytest.raises(HoldfastError, match="not signed"):
        await operations.run(request("registry.install_archive", archive=archive, signature=None, strict=True))
    installed = await operations.run(request("registry.install_archive", archive=archive, signature=None))
    assert installed.name == "com.example.mine"


async def test_listing_tenants_needs_no_tenant_and_creates_none(platform: Platform) -> None:
    operations = PlatformOperations(platform.services, has_own_runner=True)
    assert TENANT in [one.tenant_id for one in await operations.run(request("users.tenants", tenant=None))]
    assert not await has_development_account(platform.db)


async def test_the_own_runner_is_asked_once_for_a_component_and_another_each_time(platform: Platform, tmp_path: Path) -> None:
    component = tmp_path / "main.wasm"
    component.write_bytes(b"\0asm")

    async def refuse(component: Path) -> None:
        raise AssertionError("the runner has checked it")

    for engine, asked in ((None, 1), (refuse, 2)):
        check = RunnerFirst(platform.services, engine)
        before = len(platform.runner.requests)
        await check(component)
        await check(component)
        assert len(platform.runner.requests) - before == asked
    remembers = RunnerFirst(platform.services, None)
    remembers._valid = dict.fromkeys(map(str, range(MAX_VALID)))
    await remembers(component)
    assert len(remembers._valid) == MAX_VALID


@pytest.mark.parametrize(("protocol", "kind"), [(Registry, PlatformRegistry), (UserDirectory, PlatformUserDirectory)])
async def test_commands_send_the_operation_of_the_same_name_with_arguments_that_it_has(protocol: type[Any], kind: type[Any]) -> None:
    sent = list[tuple[str, dict[str, Any]]]()

    class Connection:
        async def call(self, operation: str, kind: Any, arguments: dict[str, Any], **more: Any) -> None:
            sent.append((operation.partition(".")[2], arguments))

    operations = {name: found for name, found in inspect.getmembers(protocol, inspect.iscoroutinefunction) if not name.startswith("_")}
    for name, operation in operations.items():
        parameters = [one for one in inspect.signature(operation).parameters if one != "self"]
        given: dict[str, Any] = {one: NoProgress() if one == "progress" else Path("x") if one == "archive" else "x" for one in parameters}
        await getattr(kind(Connection(), None), name)(**given)
        assert sent[-1][0] == name
        assert set(sent[-1][1]) == set(parameters) - {"progress"}
    assert len(sent) == len(operations)
