"""B1 to B6, B12 to B18: bugs in how a runner answers. Numbers as in section 8.3 of the runner's contract."""

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
from tests.runner import guests as answering
from tests.runner.conftest import EXTENSION, TENANT, call_body
from tests.waiting import MAX_WAIT_SECONDS

HASH = "ab" * 32


async def test_b1_only_immutable_files_may_be_cached(runner: Running) -> None:
    """The original lets every answer be kept for a year, the redirect to an extension's page and the data of its users among them."""
    digest = runner.put(PAGES, answering.fine())
    runner.registry.hosts["app.example.com"] = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}
    get = runner.client.get
    app = {"host": "app.example.com"}
    redirect = await get("/", headers=app)
    assert redirect.status_code == 307
    assert httpx2.URL(redirect.headers["location"]).path == f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html"
    never = {
        "redirect": redirect,
        "host that is not known": await get("/", headers={"host": "other.example.com"}),
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
    assert {name: answer.headers.get("cache-control") for name, answer in never.items()} == dict.fromkeys(never, "no-store")
    assert (await runner.page(digest)).headers["cache-control"] == "no-cache"
    assert (await runner.page(digest, "some/route")).headers["cache-control"] == "no-cache"
    assert (await runner.page(digest, "assets/app.js")).headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_b2_without_a_deadline_the_default_applies(start: Start) -> None:
    runner = await start(call_timeout_ms=30_000)
    fine = runner.put(component=answering.fine())
    body = call_body(fine)
    del body["limits"]
    assert (await runner.post(body)).json()["status"] == 200
    for limits in ({}, {"timeout_ms": None}):
        assert (await runner.post(body | {"limits": limits})).json()["status"] == 200
    hasty = await start(call_timeout_ms=50)
    envelope = (await hasty.post(body | {"context": call_body(hasty.put(component=answering.endless()))["context"]})).json()
    assert envelope["error"] == "execute_failed: deadline: the call did not finish within 50 ms"


async def test_b3_a_bundle_is_visible_completely_or_not_at_all(runner: Running) -> None:
    """Many ask at once while it is being unpacked: for a page, and for files that come last in the archive."""
    assets = {f"ui/assets/{number:03}.js": b"export const n = %d;" % number + bytes(2_000) for number in range(200)}
    digest = runner.put({"ui/index.html": b"<!doctype html>"} | assets)
    asked = ["index.html", *(f"assets/{number:03}.js" for number in range(180, 200))] * 2
    for path, response in zip(asked, await asyncio.gather(*(runner.page(digest, path) for path in asked)), strict=True):
        assert response.status_code == 200
        assert response.content == ({"ui/index.html": b"<!doctype html>"} | assets)[f"ui/{path}"]


async def test_b3_a_bundle_half_unpacked_by_a_crash_is_not_served(runner: Running) -> None:
    digest = runner.put(PAGES, answering.fine())
    half = runner.cache / digest / "ui"
    half.mkdir(parents=True)
    (half / "index.html").write_bytes(b"half a page")
    assert (await runner.page(digest, "assets/app.js")).content == PAGES["ui/assets/app.js"]
    assert (await runner.page(digest)).content == PAGES["ui/index.html"]
    assert (await runner.call(digest))["status"] == 200


async def test_b4_a_missing_file_is_not_found(runner: Running) -> None:
    """Whatever has an extension is a file. What has none is a route of the page, and answers the page."""
    digest = runner.put(PAGES)
    for path in ("assets/gone.js", "gone.css", "img/gone.png", "deep/er/gone.json", "gone.html", "gone.woff2"):
        response = await runner.page(digest, path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    for path in ("route", "some/route", "assets"):
        assert (await runner.page(digest, path)).content == PAGES["ui/index.html"]


async def test_b5_a_body_of_ten_mebibytes_reaches_the_guest(runner: Running) -> None:
    """What a gateway takes, a runner takes: raw bytes count, not what base64 makes of them."""
    digest = runner.put(component=guests.telling_its_body())
    limits = {"timeout_ms": 60_000}
    most = 10 * 1024 * 1024
    sent = await runner.call(digest, http={"method": "POST", "body_b64": base64.b64encode(bytes(most)).decode()}, limits=limits)
    assert int.from_bytes(base64.b64decode(sent["body_b64"]), "little") == most
    too_large = call_body(digest, http={"method": "POST", "body_b64": base64.b64encode(bytes(most + 1)).decode()})
    refused = await runner.post(too_large)
    assert (refused.status_code, refused.json()["error"]) == (413, "body_too_large")


@pytest.mark.parametrize("width", [2, 3, 4])
async def test_b6_a_long_message_is_cut_between_characters(start: Start, width: int) -> None:
    """At every place of a character, with a redactor and without."""
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


async def test_b12_after_a_failure_the_registry_is_requested_again_at_once(runner: Running) -> None:
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
    # A map is as it was written; with the address as it came, nothing has to be put together again.
    names = [f"k{number}" for number in (5, 3, 9, 1, 7)]
    envelope = await runner.call(digest, http={"path": "/echo", "query": dict.fromkeys(names, "v"), "headers": dict.fromkeys(names, "v")})
    seen = json.loads(base64.b64decode(envelope["body_b64"]))
    assert seen["url"] == "/echo?" + "&".join(f"{name}=v" for name in names)
    assert [header["name"] for header in seen["headers"]] == names
    envelope = await runner.call(digest, http={"path": "/echo", "url": "/echo?b=1&a=2&b=%20", "query": {"b": " ", "a": "2"}})
    assert json.loads(base64.b64decode(envelope["body_b64"]))["url"] == "/echo?b=1&a=2&b=%20"
    cookies = [("Set-Cookie", "a=1"), ("x-other", "2"), ("set-cookie", "b=2")]
    envelope = await runner.call(runner.put(component=answering.with_headers(*cookies)))
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
    # A page without tenant, at the host of its app.
    address = f"/ext-ui/{EXTENSION}/sha256:{digest}/assets/app.js"
    another = await start(alga_auth_key=None, alga_auth_key_file=file)
    assert (await another.client.get(address, headers={"host": "app.example.com"})).status_code == 200
    assert len(registry.server.requests) >= 3
    assert {asked.header("x-api-key") for asked in registry.server.requests} == {"the-key-in-the-file"}


async def test_b15_a_private_bucket_is_healthy(start: Start, application: RecordingServer) -> None:
    """It answers 403 to whoever may read bundles and not list them. That a store is away is said, and is no end of the process: what is
    in its cache is served. A cache that cannot be written is."""

    def said(code: str) -> Callable[[Recorded], Response]:
        return lambda _: Response(f"<Error><Code>{code}</Code></Error>", 403, media_type="application/xml")

    runner = await start(bundle_store_base=f"{application.url}/private", s3_access_key="AK", s3_secret_key="SK")
    for code, state in (("AccessDenied", "ok"), ("InvalidAccessKeyId", "bundle_store_unreachable")):
        application.answer = said(code)
        # The store has one second to answer in, which a busy machine may exceed.
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
    digest = runner.put(PAGES, answering.fine())
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
    """Neither fetched nor compiled: the store is asked for nothing."""
    runner = await start(bundle_store_base=application.url)
    assert (await runner.call(HASH, **parts))["error"].startswith(error)
    assert application.requests == []


async def test_b17_warming_up_works(start: Start, application: RecordingServer) -> None:
    """Afterwards the first call asks the store for nothing."""
    content: dict[str, bytes] = {}
    application.answer = lambda asked: Response(content.get(asked.path, b""), 200 if asked.path in content else 404)
    runner = await start(bundle_store_base=application.url)
    kept = await start()
    digest = kept.put(PAGES, answering.fine())
    content["/" + bundle_key(TENANT, EXTENSION, digest)] = kept.stored(digest).read_bytes()
    warm = await runner.post({"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}, "/warmup")
    assert (warm.status_code, warm.json()) == (200, {"ok": True, "component": True})
    application.requests.clear()
    content.clear()
    assert (await runner.call(digest))["status"] == 200
    assert (await runner.page(digest)).status_code == 200
    assert application.requests == []


async def test_b17_the_cache_has_the_size_that_is_set(start: Start) -> None:
    """EXT_CACHE_MAX_BYTES is echoed by health there, and nothing else."""
    runner = await start(cache_max_bytes=250_000)
    assert (await runner.client.get("/healthz")).json()["ext_cache_max_bytes"] == "250000"
    digests = [runner.put(PAGES | {"ui/large.txt": bytes([number]) * 100_000}) for number in range(5)]
    for digest in digests:
        assert (await runner.page(digest)).status_code == 200
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while sum(path.stat().st_size for path in runner.cache.rglob("*.txt")) > 250_000:
            await asyncio.sleep(0.01)
    for digest in digests:
        assert (await runner.page(digest, "large.txt")).status_code == 200, "what went is fetched again"


async def test_b18_many_calls_share_one_clock_and_keep_their_deadlines(start: Start) -> None:
    """Each of them computes without end. None ends before its time, and there is one ticking thread however many they are."""
    before = clocks()
    runner = await start(calls_per_install=64)
    digest = runner.put(component=answering.endless())
    assert (await runner.post({"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest}, "/warmup")).status_code == 200

    async def call() -> tuple[float, str]:
        started = time.perf_counter()
        envelope = await runner.call(digest, limits={"timeout_ms": 250})
        return time.perf_counter() - started, envelope["error"]

    outcomes = await asyncio.gather(*(call() for _ in range(24)))
    assert {error for _, error in outcomes} == {"execute_failed: deadline: the call did not finish within 250 ms"}
    assert min(seconds for seconds, _ in outcomes) >= 0.25
    assert len(clocks() - before) == 1


def clocks() -> set[threading.Thread]:
    """The threads of this process that tick."""
    return {thread for thread in threading.enumerate() if thread.name == "holdfast-clock"}
