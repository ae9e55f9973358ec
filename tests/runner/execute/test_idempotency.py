"""Idempotency keys: their scope, limits and expiry, and repeated requests while the first one still runs."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from holdfast.contract.execute import Envelope, ExecuteCall, ExecuteContext, ExecuteHttp, ExecuteUser
from holdfast.runner.execute.guest_request import body_in_json
from holdfast.runner.execute.idempotency import KEY_MAX_CHARACTERS, IdempotentCalls, idempotency_scope, repeatable_as
from tests.runner import guests
from tests.runner.conftest import TENANT, Runner, call_body

HASH = "ab" * 32
USER = {"user_id": "u1", "user_email": "a@example.com", "user_name": "A", "user_type": "internal"}


def scope(key: str = "key", **parts: Any) -> bytes:
    call = msgspec.convert(call_body(HASH, **parts), ExecuteCall)
    return idempotency_scope(call, body_in_json(call).content, key)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Runs:
    """Counts how often a call ran."""

    def __init__(self, *envelopes: Envelope) -> None:
        self.count = 0
        self._envelopes = envelopes

    async def __call__(self) -> Envelope:
        self.count += 1
        return self._envelopes[min(self.count, len(self._envelopes)) - 1]


def idempotent_calls(**limits: Any) -> IdempotentCalls:
    return IdempotentCalls(**({"seconds": 10.0, "max_bytes": 1_000_000} | limits))


@pytest.mark.parametrize(
    "other",
    [
        {"key": "another"},
        {"context": {"tenant_id": "tenant-b"}},
        {"context": {"extension_id": "extension-b"}},
        {"context": {"install_id": "1b0c9d8e-5f0a-4c57-9a59-6d1f2f0f7a11"}},
        {"http": {"method": "POST"}},
        {"http": {"path": "/other"}},
        {"http": {"query": {"a": "1"}}},
        {"http": {"body_b64": ""}},
        {"http": {"body_b64": "YQ=="}},
        {"user": USER},
        {"user": USER | {"user_id": "u2"}},
    ],
    ids=str,
)
def test_a_key_is_valid_only_for_the_same_tenant_install_user_method_target_and_body(other: dict[str, Any]) -> None:
    assert scope(**other) != scope()
    assert scope(**other) == scope(**other)


def test_text_moved_from_one_part_to_the_next_is_another_scope() -> None:
    assert scope("b", http={"body_b64": "YQ=="}) != scope("ab", http={"body_b64": ""})


def identity(headers: Any, *, user: str = "u", key: str | None = None, **http: Any) -> tuple[str, ...]:
    context = ExecuteContext(tenant_id="t", extension_id="e", content_hash="h")
    request = ExecuteHttp(**{"method": "POST", "path": "/bill", "headers": headers, **http})
    person = ExecuteUser(user_id=user, user_email="", user_name="", user_type="internal")
    return repeatable_as(ExecuteCall(context=context, http=request, user=person), key)


def test_a_call_is_repeatable_as_its_user_route_and_key() -> None:
    first = identity({"x-idempotency-key": "k"})
    # The runner's own key differs from one attempt to the next.
    assert identity([("accept", "*/*"), ("x-idempotency-key", "k")], key="attempt 2") == first
    assert identity({}, key="k") == first
    others = [identity({"x-idempotency-key": "k"}, **other) for other in ({"user": "v"}, {"path": "/pay"}, {"method": "PUT"})]
    assert len({first, identity({"x-idempotency-key": "l"}), *others}) == 5
    assert identity({}) == ()


async def test_the_response_is_repeated_until_it_expires() -> None:
    clock, run = Clock(), Runs(Envelope(status=201), Envelope(status=202))
    calls = idempotent_calls(now=clock)
    assert await calls.run_once(b"a", run) == (Envelope(status=201), False)
    clock.now = 9.9
    assert await calls.run_once(b"a", run) == (Envelope(status=201), True)
    clock.now = 10.0
    assert await calls.run_once(b"a", run) == (Envelope(status=202), False)


async def test_an_error_of_the_guest_is_stored_and_a_failure_of_the_runner_is_not() -> None:
    calls = idempotent_calls()
    run = Runs(Envelope(status=500))
    await calls.run_once(b"a", run)
    assert await calls.run_once(b"a", run) == (Envelope(status=500), True)
    run = Runs(Envelope(status=500, error="execute_failed: trap: x"), Envelope(status=200))
    await calls.run_once(b"b", run)
    assert await calls.run_once(b"b", run) == (Envelope(status=200), False)


async def test_the_oldest_responses_are_dropped_at_the_size_limit() -> None:
    calls = idempotent_calls(max_bytes=10_000)
    runs = {scope: Runs(Envelope(status=200, body_b64=b"x" * 2_900)) for scope in (b"a", b"b", b"c")}
    for scope_key, run in runs.items():
        await calls.run_once(scope_key, run)
    assert calls.size <= 10_000
    for scope_key in (b"c", b"b", b"a"):
        await calls.run_once(scope_key, runs[scope_key])
    assert [run.count for run in runs.values()] == [2, 1, 1]


async def test_a_response_larger_than_the_whole_limit_is_not_stored() -> None:
    calls, run = idempotent_calls(max_bytes=2_000), Runs(Envelope(status=200, body_b64=b"x" * 2_000))
    await calls.run_once(b"a", run)
    await calls.run_once(b"a", run)
    assert (run.count, calls.size) == (2, 0)


async def test_calls_that_arrive_while_one_runs_get_its_response() -> None:
    calls, go, started = idempotent_calls(), asyncio.Event(), 0

    async def run() -> Envelope:
        nonlocal started
        started += 1
        await go.wait()
        return Envelope(status=200)

    waiting = [asyncio.create_task(calls.run_once(b"a", run)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    assert [is_repeated for _, is_repeated in await asyncio.gather(*waiting)] == [False, True, True, True, True]
    assert started == 1


async def test_a_failure_reaches_all_waiting_calls_and_is_not_stored() -> None:
    calls, go = idempotent_calls(), asyncio.Event()

    async def fail() -> Envelope:
        await go.wait()
        raise LookupError("no")

    waiting = [asyncio.create_task(calls.run_once(b"a", fail)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    assert all(isinstance(outcome, LookupError) for outcome in await asyncio.gather(*waiting, return_exceptions=True))
    assert (await calls.run_once(b"a", Runs(Envelope(status=200))))[1] is False


async def test_the_call_runs_while_a_caller_waits_and_is_cancelled_when_none_does() -> None:
    calls, ended = idempotent_calls(), asyncio.Event()

    async def run() -> Envelope:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    first, second = (asyncio.create_task(calls.run_once(b"a", run)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not ended.is_set()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert ended.is_set()
    assert await calls.run_once(b"a", Runs(Envelope(status=200))) == (Envelope(status=200), False)


async def test_a_repeated_key_does_not_run_the_guest_again(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    for _ in range(2):
        response = await runner.post(call_body(digest, http={"method": "POST"}), {"x-idempotency-key": "k1"})
        assert response.json()["status"] == 200
    messages = runner.messages()
    assert sum(message.startswith("call started") for message in messages) == 1
    assert any("idempotency key has a stored response" in message for message in messages)


async def test_another_tenant_with_the_same_key_gets_its_own_response(runner: Runner) -> None:
    digest = await runner.put(guests.echo_tenant())
    await runner.put(guests.echo_tenant(), tenant="tenant-b")
    first = await runner.post(call_body(digest), {"x-idempotency-key": "k1"})
    second = await runner.post(
        call_body(digest, context={"tenant_id": "tenant-b"}), {"x-idempotency-key": "k1", "x-alga-tenant": "tenant-b"}
    )
    assert first.json()["body_b64"] != second.json()["body_b64"]
    assert TENANT != "tenant-b"


async def test_a_call_with_mismatched_tenants_is_rejected_although_its_key_is_known(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    await runner.post(call_body(digest), {"x-idempotency-key": "k1"})
    rejected = await runner.post(call_body(digest), {"x-idempotency-key": "k1", "x-alga-tenant": "tenant-b"})
    assert rejected.json()["error"] == "routing_mismatch"


async def test_a_key_beyond_the_length_limit_is_rejected(runner: Runner) -> None:
    response = await runner.post(call_body(HASH), {"x-idempotency-key": "k" * (KEY_MAX_CHARACTERS + 1)})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_idempotency_key")
