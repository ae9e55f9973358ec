"""Every host function in every situation, called by a guest in each language through the whole chain of gateway and runner."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import get_args

import pytest
import pytest_asyncio
from starlette.responses import Response

from holdfast import __version__
from holdfast.storage.records import Write
from holdfast.world.functions import FUNCTIONS
from tests.hostcalls.guests.cases import CASES, SETTINGS, Case, fits
from tests.hostcalls.guests.running_stack import NAMES, Language, Stack, running_stack
from tests.records.databases import TENANT

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


async def test_a_value_against_the_schema_of_its_namespace_is_refused_and_the_author_sees_why(stack: Stack, language: Language) -> None:
    schemas = stack.platform.services.storage.schemas_of(TENANT, stack.installs[language].install_id)
    await schemas.register("numbers", 1, {"type": "array", "items": {"type": "number"}}, activate=True)
    given = {"namespace": "numbers", "key": "k"}
    assert await stack.call(language, "storage.put", given | {"value": "[1, 2]"}, "granted") == {"ok": 1}
    for value, reason in (('[1, "x"]', "does not satisfy version 1 of the schema of 'numbers': at /1:"), ("words", "is not JSON")):
        assert await stack.call(language, "storage.put", given | {"value": value}, "granted") == {"error": "internal"}
        assert any("VALIDATION_FAILED" in message and reason in message for message in stack.events.messages[-3:])
    assert await stack.call(language, "storage.get", given, "granted") == {"ok": "[1, 2]"}


async def test_a_list_has_all_pages(stack: Stack, language: Language) -> None:
    store = stack.platform.services.storage.of(TENANT, stack.installs[language].install_id)
    keys = [f"{number:03}" for number in range(230)]
    for first in range(0, len(keys), 20):
        await store.bulk_put("many", [Write(key=key, value=key) for key in keys[first : first + 20]])
    assert await stack.call(language, "storage.list-entries", {"namespace": "many"}, "granted") == {"ok": keys}


async def test_a_fetch_names_the_extension_and_its_compressed_response_is_decoded(stack: Stack, language: Language) -> None:
    before = stack.target.answer
    stack.target.answer = lambda _: Response(gzip.compress(b"compressed"), headers={"content-encoding": "gzip"})
    try:
        answer = await stack.call(language, "http.fetch", {"url": "{target}"}, "granted")
    finally:
        stack.target.answer = before
    assert answer == {"ok": "compressed"}
    agent = stack.target.requests[-1].header("user-agent") or ""
    assert agent.startswith(f"Holdfast/{__version__} (com.holdfast.test.{NAMES[language]}/")


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
