"""The gateway checks components with a real runner, and reports when there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from holdfast.gateway.publishing.component_check import ComponentChecker, ComponentCheckFailed
from holdfast.gateway.runners import RunnerClient
from tests.events.recording_server import recording_server
from tests.runner import guests
from tests.runner.conftest import TOKEN
from tests.runner.processes import runner_process


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with runner_process(tmp_path_factory.mktemp("runner")) as (address, _):
        yield address


@pytest.fixture
async def checker(origin: str) -> AsyncIterator[ComponentChecker]:
    client = RunnerClient(origin, TOKEN)
    yield ComponentChecker(client)
    await client.close()


async def test_a_component_that_the_runner_can_run_passes(checker: ComponentChecker) -> None:
    await checker(guests.fine())


async def test_a_component_that_the_runner_cannot_run_is_rejected_with_the_reason(checker: ComponentChecker, tmp_path: Path) -> None:
    (tmp_path / "main.wasm").write_bytes(b"no component")
    with pytest.raises(ComponentCheckFailed) as raised:
        await checker(tmp_path / "main.wasm")
    assert (raised.value.code, raised.value.details) == ("component_refused", {"code": "not_a_component"})
    assert raised.value.message


async def test_a_runner_that_rejects_the_token_leaves_the_component_unchecked(origin: str) -> None:
    client = RunnerClient(origin, "another token")
    with pytest.raises(ComponentCheckFailed, match="status 401") as raised:
        await ComponentChecker(client)(guests.fine())
    assert raised.value.code == "component_check_unavailable"
    await client.close()


async def test_without_a_runner_the_component_is_unchecked() -> None:
    client = RunnerClient("http://127.0.0.1:9", TOKEN)
    with pytest.raises(ComponentCheckFailed, match="is unreachable") as raised:
        await ComponentChecker(client)(guests.fine())
    assert raised.value.code == "component_check_unavailable"
    await client.close()


async def test_an_invalid_response_leaves_the_component_unchecked() -> None:
    async with recording_server() as server:
        client = RunnerClient(server.url, TOKEN)
        server.reply(["no"], 422)
        with pytest.raises(ComponentCheckFailed, match="Invalid response from the runner") as raised:
            await ComponentChecker(client)(guests.fine())
        assert raised.value.code == "component_check_unavailable"
        assert server.requests[0].body == guests.fine().read_bytes()
        await client.close()
