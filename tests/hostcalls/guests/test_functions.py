"""Every host function in every situation, called by a guest in each language through the whole chain of gateway and runner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import get_args

import pytest
import pytest_asyncio

from holdfast.world.functions import FUNCTIONS
from tests.hostcalls.guests.cases import CASES, SETTINGS, Case, fits
from tests.hostcalls.guests.running_stack import Language, Stack, running_stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("language", get_args(Language))]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.function)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, built: Callable[[str], Path]) -> AsyncIterator[Stack]:
    async with running_stack(tmp_path_factory.mktemp("stack"), built) as running:
        yield running


@EACH
async def test_granted(stack: Stack, language: Language, case: Case) -> None:
    answer = await stack.call(language, case.function, case.given, "granted")
    assert fits(answer, case.granted), answer


@EACH
async def test_not_granted(stack: Stack, language: Language, case: Case) -> None:
    answer = await stack.call(language, case.function, case.given, "not granted")
    assert fits(answer, case.denied), answer


@EACH
async def test_over_quota(stack: Stack, language: Language, case: Case) -> None:
    """The guest has used all host calls of its call."""
    answer = await stack.call(language, case.function, case.given, "over quota")
    assert fits(answer, case.over_quota), answer


@pytest.mark.parametrize("case", [case for case in CASES if case.bad], ids=lambda case: case.function)
async def test_bad_input(stack: Stack, language: Language, case: Case) -> None:
    for given, expected in case.bad:
        answer = await stack.call(language, case.function, given, "bad input")
        assert fits(answer, expected), (given, answer)


@EACH
async def test_backend_down(stack: Stack, language: Language, case: Case) -> None:
    answer = await stack.call(language, case.function, case.given_down or case.given, "backend down")
    assert fits(answer, case.down), answer


async def test_the_table_has_every_function(language: Language) -> None:
    assert sorted(case.function for case in CASES) == sorted(function.id for function in FUNCTIONS)


async def test_log_lines_have_their_level_and_their_fields(stack: Stack, language: Language) -> None:
    for level in ("info", "warn", "error"):
        mark = f"{language} at {level}"
        await stack.call(language, f"logging.log-{level}", {"message": mark, "fields": {"n": 1}}, "granted")
        (line,) = [event for event in stack.events.events if event.stream == "log" and event.message.startswith(mark)]
        assert (line.level, line.message.removeprefix(mark).replace(" ", "")) == (level, '{"n":1}')


async def test_a_refusal_names_its_cause_to_the_author(stack: Stack, language: Language) -> None:
    await stack.call(language, "ui-proxy.call-route", {"route": "/api/v1/versions"}, "bad input")
    assert 'add "GET /api/v1/versions" to "uiProxy"' in stack.events.messages[-2] + stack.events.messages[-1]


async def test_expired_secrets_say_so(stack: Stack, language: Language) -> None:
    async with stack.expired_secrets(language):
        assert await stack.call(language, "secrets.get", {"key": "token"}, "granted") == {"error": "expired"}
        assert await stack.call(language, "secrets.list-keys", {}, "granted") == {"ok": []}


async def test_a_scheduled_call_knows_its_trigger_its_schedule_and_its_settings(stack: Stack, language: Language) -> None:
    answer, schedule_id = await stack.call_by_schedule(language, "context.get-context")
    assert fits(answer, {"ok": {"trigger": "schedule", "scheduleId": schedule_id, "config": SETTINGS}}), answer
    answer, _ = await stack.call_by_schedule(language, "user-v2.get-user")
    assert answer == {"error": "not-available"}
    answer, _ = await stack.call_by_schedule(language, "ui-proxy.call-route", {"route": "/api/v1/quotas"})
    assert answer == {"error": "denied"}  # no user, so no rights
