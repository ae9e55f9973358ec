"""What the gateway learns of a component from a real runner, and when there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from holdfast.gateway.publishing.component_check import ComponentChecker, ComponentRefused, ComponentUncheckable
from holdfast.gateway.services.runner_client import RunnerClient
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


async def test_what_the_runner_cannot_run_is_refused_with_its_reason(checker: ComponentChecker, tmp_path: Path) -> None:
    (tmp_path / "main.wasm").write_bytes(b"no component")
    with pytest.raises(ComponentRefused) as caught:
        await checker(tmp_path / "main.wasm")
    assert caught.value.details == {"code": "not_a_component"}
    assert caught.value.message


async def test_a_runner_that_does_not_know_us_says_nothing_of_the_component(origin: str) -> None:
    client = RunnerClient(origin, "another token")
    with pytest.raises(ComponentUncheckable, match="status 401"):
        await ComponentChecker(client)(guests.fine())
    await client.close()


async def test_without_a_runner_nothing_can_be_said() -> None:
    client = RunnerClient("http://127.0.0.1:9", TOKEN)
    with pytest.raises(ComponentUncheckable, match="could not be reached"):
        await ComponentChecker(client)(guests.fine())
    await client.close()


async def test_an_answer_that_is_not_of_the_runner_is_no_verdict() -> None:
    async with recording_server() as server:
        client = RunnerClient(server.url, TOKEN)
        server.reply(["no"], 422)
        with pytest.raises(ComponentUncheckable, match="agreed form"):
            await ComponentChecker(client)(guests.fine())
        assert server.requests[0].body == guests.fine().read_bytes()
        await client.close()
