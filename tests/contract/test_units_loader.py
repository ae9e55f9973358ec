"""UN-01 to UN-08: limits of a call, and the key of a bundle in its store. Numbers as in section 7.3."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.open_store import open_store
from holdfast.engine import Engine, FailureCode, Limits, Outcome
from holdfast.settings import Settings
from tests.contract.conftest import Start
from tests.engine import guests
from tests.engine.conftest import RecordingHost, request
from tests.engine.guests import RETURN, module
from tests.events.recording_server import RecordingServer
from tests.runner import guests as runner_guests
from tests.runner.conftest import EXTENSION, TENANT

PAGES_IN_MIB = 16
"""A page of memory is 64 KiB. The guest starts with two."""
HASH = "de" * 32
KEY = bundle_key(TENANT, EXTENSION, HASH)
CREDENTIALS = {"s3_access_key": "AKEXAMPLE", "s3_secret_key": "the-secret-key"}


async def run(engine: Engine, core: str, limits: Limits) -> Outcome:
    wasm = guests.assemble(core)
    return await engine.execute(await engine.load(wasm, guests.sha256(wasm)), request(), RecordingHost(), limits)


def growing(pages: int) -> str:
    """Returns 200 if its memory could grow by so many pages, 201 if not."""
    failed = f"(i32.eq (memory.grow (i32.const {pages})) (i32.const -1))"
    return module(f"(i32.store16 (i32.const 1024) (i32.add (i32.const 200) {failed})) {RETURN}")


async def grow(engine: Engine, megabytes: int) -> int:
    outcome = await run(engine, growing(megabytes * PAGES_IN_MIB - 2), Limits(timeout_ms=60_000, memory_mb=8))
    assert outcome.response is not None, outcome.failure
    return outcome.response.status


async def test_un_01_memory_may_grow_below_the_limit(engine: Engine) -> None:
    assert await grow(engine, 2) == 200
    assert await grow(engine, 8) == 200


async def test_un_02_memory_beyond_the_limit_is_denied_without_an_error(engine: Engine) -> None:
    assert await grow(engine, 16) == 201


@pytest.mark.parametrize("timeout_ms", [1, 10, 11, 25])
async def test_un_03_a_deadline_of_a_few_milliseconds_applies(engine: Engine, timeout_ms: int) -> None:
    """The original rounds deadlines down to ticks of 10 ms (1, 1, 1 and 2 of them). Here a deadline is exact to the
    millisecond: a call that computes ends at the next tick of 4 ms. No deadline becomes zero, and no call ends early."""
    outcome = await run(engine, module(f"(loop $again (br $again)) {RETURN}"), Limits(timeout_ms=timeout_ms))
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.message) == (FailureCode.DEADLINE, f"the call did not finish within {timeout_ms} ms")
    assert outcome.duration_ms >= timeout_ms


async def test_un_03_a_deadline_of_zero_is_one_millisecond(start: Start) -> None:
    runner = await start()
    envelope = await runner.call(runner.put(component=runner_guests.endless()), limits={"timeout_ms": 0})
    assert envelope["error"] == "execute_failed: deadline: the call did not finish within 1 ms"


async def requested_path(application: RecordingServer, base: str, **settings: str) -> str:
    """The path, without its query, that a store at `base` requests."""
    application.answer = lambda _: Response(b"the bundle")
    store = open_store(Settings(_env_file=None, bundle_store_base=base, **settings))
    assert b"".join([piece async for piece in store.get(KEY)]) == b"the bundle"
    (seen,) = application.requests
    application.requests.clear()
    return seen.path


async def test_un_04_a_base_without_slash_keeps_its_bucket(application: RecordingServer) -> None:
    assert await requested_path(application, f"{application.url}/extensions") == f"/extensions/{KEY}"
    assert f"tenants/{TENANT}/extensions/{EXTENSION}/sha256/{HASH}/bundle.tar.zst" == KEY


async def test_un_05_a_base_with_a_slash_is_the_same(application: RecordingServer) -> None:
    """Keys never begin with a slash here; one that does is rejected (S9)."""
    assert await requested_path(application, f"{application.url}/extensions/") == f"/extensions/{KEY}"
    assert await requested_path(application, f"{application.url}/") == f"/{KEY}"


async def test_un_06_a_key_without_a_tenant_makes_no_request(start: Start, application: RecordingServer) -> None:
    """The original still has an unused function for `sha256/{hash}/bundle.tar.zst`, a key from the time before tenants. Here only the key
    with the tenant exists."""
    application.reply({}, 404)
    runner = await start(bundle_store_base=f"{application.url}/extensions")
    assert (await runner.call(HASH))["error"].startswith("bundle_fetch_failed: ")
    assert (await runner.page(HASH)).json()["code"] == "extract_failed"
    assert {seen.path for seen in application.requests} == {f"/extensions/{KEY}"}
    with pytest.raises(BundleNotFound):
        await runner.services.cache.ensure(TENANT, EXTENSION, HASH)


async def test_un_07_the_bucket_is_the_first_segment_of_the_base(application: RecordingServer) -> None:
    assert await requested_path(application, f"{application.url}/extensions", **CREDENTIALS) == f"/extensions/{KEY}"
    assert await requested_path(application, f"{application.url}/extensions/our/prefix", **CREDENTIALS) == f"/extensions/our/prefix/{KEY}"


async def test_un_08_a_bucket_named_by_the_base_alone_leaves_the_key_unchanged(application: RecordingServer) -> None:
    assert await requested_path(application, "s3://extensions", s3_endpoint=application.url, **CREDENTIALS) == f"/extensions/{KEY}"
