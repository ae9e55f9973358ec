"""B1 to B6, B12 to B18: bugs in the responses of a runner. Numbers as in section 8.3 of the runner's contract."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from starlette.responses import Response

from holdfast.bundles.store.keys import bundle_key
from tests.contract import guests
from tests.contract.conftest import Start
from tests.contract.running import PAGES, Registry, Running
from tests.events.recording_server import Recorded, RecordingServer
from tests.runner import guests as runner_guests
from tests.runner.conftest import EXTENSION, TENANT, call_body
from tests.waiting import MAX_WAIT_SECONDS

pytestmark = pytest.mark.slow

HASH = "ab" * 32


async def test_b1_only_immutable_files_may_be_cached(runner: Running) -> None:
    """The original lets browsers cache every response for a year, also the redirect to an extension's page and the data of its users."""
    digest = runner.put(PAGES, runner_guests.fine())
    runner.registry.hosts["app.example.com"] = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}
    get = runner.client.get
    app = {"host": "app.example.com"}
    redirect = await get("/", headers=app)
    assert redirect.status_code == 307
    assert httpx2.URL(redirect.headers["location"]).path == f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html"
    never = {
        "redirect": redirect,
        "unknown host": await get("/", headers={"host": "other.example.com"}),
        **{path: await get(path) for path in ("/healthz", "/health", "/readyz", "/openapi.json", "/metrics")},
        "unknown path": await get("/nothing/here"),
        "wrong method": await get("/v1/execute"),
        "a call": await runner.post(call_body(digest)),
        "no token": await runner.client.post("/v1/execute", json={}),
        "not for this tenant": await runner.page(digest, tenant="tenant-b"),
        "no such file": await runner.page(digest, "assets/gone.js"),
        "no such path": await runner.page(digest, ".env"),
        "no hash": await get(f"/ext-ui/{EXTENSION}/sha256:x/index.html"),
    }
    assert {name: response.headers.get("cache-control") for name, response in never.items()} == dict.fromkeys(never, "no-store")
    assert (await runner.page(digest)).headers["cache-control"] == "no-cache"
    assert (await runner.page(digest, "some/route")).headers["cache-control"] == "no-cache"
    assert (await runner.page(digest, "assets/app.js")).headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_b2_without_a_deadline_the_default_applies(start: Start) -> None:
    runner = await start(call_timeout_ms=30_000)
    fine = runner.put(component=runner_guests.fine())
    body = call_body(fine)
    del body["limits"]
    assert (await runner.post(body)).json()["status"] == 200
    for limits in ({}, {"timeout_ms": None}):
        assert (await runner.post(body | {"limits": limits})).json()["status"] == 200
    short = await start(call_timeout_ms=50)
    envelope = (await short.post(body | {"context": call_body(short.put(component=runner_guests.endless()))["context"]})).json()
    assert envelope["error"] == "execute_failed: deadline: the call did not finish within 50 ms"


async def test_b3_a_bundle_is_visible_completely_or_not_at_all(runner: Running) -> None:
    """Many requests arrive while it is being unpacked: for a page, and for files at the end of the archive."""
    assets = {f"ui/assets/{number:03}.js": b"export const n = %d;" % number + bytes(2_000) for number in range(200)}
    digest = runner.put({"ui/index.html": b"<!doctype html>"} | assets)
    paths = ["index.html", *(f"assets/{number:03}.js" for number in range(180, 200))] * 2
    for path, response in zip(paths, await asyncio.gather(*(runner.page(digest, path) for path in paths)), strict=True):
        assert response.status_code == 200
        assert response.content == ({"ui/index.html": b"<!doctype html>"} | assets)[f"ui/{path}"]


async def test_b3_a_bundle_half_unpacked_by_a_crash_is_not_served(runner: Running) -> None:
    digest = runner.put(PAGES, runner_guests.fine())
    half = runner.cache / digest / "ui"
    half.mkdir(parents=True)
    (half / "index.html").write_bytes(b"half a page")
    assert (await runner.page(digest, "assets/app.js")).content == PAGES["ui/assets/app.js"]
    assert (await runner.page(digest)).content == PAGES["ui/index.html"]
    assert (await runner.call(digest))["status"] == 200


async def test_b4_a_missing_file_is_not_found(runner: Running) -> None:
    """A path with a file extension is a file. A path without one is a route of the page and returns the page."""
    digest = runner.put(PAGES)
    for path in ("assets/gone.js", "gone.css", "img/gone.png", "deep/er/gone.json", "gone.html", "gone.woff2"):
        response = await runner.page(digest, path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    for path in ("route", "some/route", "assets"):
        assert (await runner.page(digest, path)).content == PAGES["ui/index.html"]


async def test_b5_a_body_of_ten_mebibytes_reaches_the_guest(runner: Running) -> None:
    """The runner accepts what the gateway accepts: the limit counts raw bytes, not their base64."""
    digest = runner.put(component=guests.returning_body_length())
    limits = {"timeout_ms": 60_000}
    limit = 10 * 1024 * 1024
    sent = await runner.call(digest, http={"method": "POST", "body_b64": base64.b64encode(bytes(limit)).decode()}, limits=limits)
    assert int.from_bytes(base64.b64decode(sent["body_b64"]), "little") == limit
    too_large = call_body(digest, http={"method": "POST", "body_b64": base64.b64encode(bytes(limit + 1)).decode()})
    rejected = await runner.post(too_large)
    assert (rejected.status_code, rejected.json()["error"]) == (413, "body_too_large")


@pytest.mark.parametrize("width", [2, 3, 4])
async def test_b6_a_long_message_is_cut_between_characters(start: Start, width: int) -> None:
    """At every position within a character, with and without a redactor."""
    letter = {2: "é", 3: "€", 4: "😀"}[width]
    runner = await start(debug_max_event_bytes=1_000)
    secrets = {"ciphertext_b64": base64.b64encode(b'{"name": "hidden-value"}').decode()}
    for shift in range(width):
        text = "x" * shift + letter * 1_000
        digest = runner.put(component=guests.logging(text.encode()))
        for more in ({}, {"secret_envelope": secrets, "providers": ["cap:secrets.get"]}):
            runner.events.clear()
            assert (await runner.call(digest, **more))["status"] == 200
            [event] = [event for event in runner.events if event.stream == "log"]
            assert event.truncated
            assert text.startswith(event.message)
            assert 1_000 - width < len(event.message.encode()) <= 1_000


async def test_b12_after_a_failure_the_next_request_calls_the_registry_again(runner: Running) -> None:
    digest = runner.put(PAGES)
    runner.registry.down = True
    assert (await runner.page(digest)).status_code == 404
    runner.registry.down = False
    assert (await runner.page(digest)).status_code == 200


async def test_b13_order_and_repeats_are_preserved_in_both_directions(runner: Running, built: Callable[[str], Path]) -> None:
    digest = runner.put(component=built("echo") / "dist" / "main.wasm")
    query = [["z", "1"], ["a", "2"], ["z", "3"], ["m", "ü"]]
    headers = [["x-z", "1"], ["x-a", "2"], ["x-z", "3"]]
    envelope = await runner.call(digest, http={"path": "/echo", "query": query, "headers": headers})
    seen = json.loads(base64.b64decode(envelope["body_b64"]))
    assert seen["url"] == "/echo?z=1&a=2&z=3&m=%C3%BC"
    assert [[header["name"], header["value"]] for header in seen["headers"]] == headers
    # A map keeps the order in which it was written. With `url`, the runner passes the address on unchanged.
    names = [f"k{number}" for number in (5, 3, 9, 1, 7)]
    envelope = await runner.call(digest, http={"path": "/echo", "query": dict.fromkeys(names, "v"), "headers": dict.fromkeys(names, "v")})
    seen = json.loads(base64.b64decode(envelope["body_b64"]))
    assert seen["url"] == "/echo?" + "&".join(f"{name}=v" for name in names)
    assert [header["name"] for header in seen["headers"]] == names
    envelope = await runner.call(digest, http={"path": "/echo", "url": "/echo?b=1&a=2&b=%20", "query": {"b": " ", "a": "2"}})
    assert json.loads(base64.b64decode(envelope["body_b64"]))["url"] == "/echo?b=1&a=2&b=%20"
    cookies = [("Set-Cookie", "a=1"), ("x-other", "2"), ("set-cookie", "b=2")]
    envelope = await runner.call(runner.put(component=runner_guests.with_headers(*cookies)))
    assert [tuple(header) for header in envelope["header_list"]] == cookies
    assert envelope["headers"] == {"Set-Cookie": "a=1, b=2", "x-other": "2"}


async def test_b14_a_key_from_a_file_is_sent_with_every_request(start: Start, registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the-key-in-the-file\n")
    runner = await start(alga_auth_key=None, alga_auth_key_file=file)
    digest = runner.put(PAGES)
    registry.hosts["app.example.com"] = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}
    assert (await runner.client.get("/", headers={"host": "app.example.com"})).status_code == 307
    assert (await runner.page(digest)).status_code == 200
    # A page without a tenant, at the host of its app.
    address = f"/ext-ui/{EXTENSION}/sha256:{digest}/assets/app.js"
    another = await start(alga_auth_key=None, alga_auth_key_file=file)
    assert (await another.client.get(address, headers={"host": "app.example.com"})).status_code == 200
    assert len(registry.server.requests) >= 3
    assert {request.header("x-api-key") for request in registry.server.requests} == {"the-key-in-the-file"}


async def test_b15_a_private_bucket_is_healthy(start: Start, application: RecordingServer) -> None:
    """Such a bucket responds 403 to credentials that may read bundles but not list them. Health reports an unreachable store and stays 200,
    since cached bundles are served. It fails only if the cache is not writable."""

    def error_of_store(code: str) -> Callable[[Recorded], Response]:
        return lambda _: Response(f"<Error><Code>{code}</Code></Error>", 403, media_type="application/xml")

    runner = await start(bundle_store_base=f"{application.url}/private", s3_access_key="AK", s3_secret_key="SK")
    for code, state in (("AccessDenied", "ok"), ("InvalidAccessKeyId", "bundle_store_unreachable")):
        application.answer = error_of_store(code)
        # The health check gives the store one second, which a busy machine may exceed.
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while (health := await runner.client.get("/healthz")).json()["bundle_store"] != state:
                pass
        assert health.status_code == 200
    file = runner.folder / "a file"
    file.write_text("")
    broken = await start(cache_root=file)
    health = await broken.client.get("/healthz")
    assert (health.status_code, health.json()["cache_writable"]) == (503, False)


async def test_b15_a_runner_serves_cached_bundles_while_its_store_is_unavailable(runner: Running) -> None:
    digest = runner.put(PAGES, runner_guests.fine())
    assert (await runner.call(digest))["status"] == 200
    runner.stored(digest).unlink()
    assert (await runner.call(digest))["status"] == 200
    assert (await runner.page(digest)).status_code == 200


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"providers": ["cap:unknown"]}, "unknown_capabilities: cap:unknown"),
        ({"secret_envelope": {"ciphertext_b64": "%"}}, "secret_decrypt_failed"),
        ({"http": {"body_b64": "%"}}, "execute_failed: invalid_body: "),
        ({"context": {"content_hash": "x"}}, "invalid_content_hash: "),
    ],
    ids=str,
)
async def test_b16_a_call_that_cannot_run_fetches_no_bundle(
    start: Start, application: RecordingServer, parts: dict[str, object], error: str
) -> None:
    """The store gets no request, and nothing is compiled."""
    runner = await start(bundle_store_base=application.url)
    assert (await runner.call(HASH, **parts))["error"].startswith(error)
    assert application.requests == []


async def test_b17_after_a_warmup_a_call_needs_no_store(start: Start, application: RecordingServer) -> None:
    """Neither the first call nor the first page sends a request to the store."""
    content: dict[str, bytes] = {}
    application.answer = lambda request: Response(content.get(request.path, b""), 200 if request.path in content else 404)
    runner = await start(bundle_store_base=application.url)
    other = await start()
    digest = other.put(PAGES, runner_guests.fine())
    content["/" + bundle_key(TENANT, EXTENSION, digest)] = other.stored(digest).read_bytes()
    warmup = await runner.post({"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}, "/warmup")
    assert (warmup.status_code, warmup.json()) == (200, {"ok": True, "component": True})
    application.requests.clear()
    content.clear()
    assert (await runner.call(digest))["status"] == 200
    assert (await runner.page(digest)).status_code == 200
    assert application.requests == []


async def test_b17_the_cache_has_the_size_that_is_set(start: Start) -> None:
    """In the original, health reports EXT_CACHE_MAX_BYTES and nothing applies it."""
    runner = await start(cache_max_bytes=250_000)
    assert (await runner.client.get("/healthz")).json()["ext_cache_max_bytes"] == "250000"
    digests = [runner.put(PAGES | {"ui/large.txt": bytes([number]) * 100_000}) for number in range(5)]
    for digest in digests:
        assert (await runner.page(digest)).status_code == 200
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while sum(path.stat().st_size for path in runner.cache.rglob("*.txt")) > 250_000:
            await asyncio.sleep(0.01)
    for digest in digests:
        assert (await runner.page(digest, "large.txt")).status_code == 200, "an evicted bundle is fetched again"


async def test_b18_many_calls_share_one_clock_and_keep_their_deadlines(start: Start) -> None:
    """Each call computes without end. None ends before its deadline, and all share one clock thread."""
    before = clock_threads()
    runner = await start(calls_per_install=64)
    digest = runner.put(component=runner_guests.endless())
    assert (await runner.post({"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest}, "/warmup")).status_code == 200

    async def call() -> tuple[float, str]:
        started = time.perf_counter()
        envelope = await runner.call(digest, limits={"timeout_ms": 250})
        return time.perf_counter() - started, envelope["error"]

    outcomes = await asyncio.gather(*(call() for _ in range(24)))
    assert {error for _, error in outcomes} == {"execute_failed: deadline: the call did not finish within 250 ms"}
    assert min(seconds for seconds, _ in outcomes) >= 0.25
    assert len(clock_threads() - before) == 1


def clock_threads() -> set[threading.Thread]:
    """The clock threads of this process."""
    return {thread for thread in threading.enumerate() if thread.name == "holdfast-clock"}
