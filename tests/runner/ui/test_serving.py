"""How files of pages are sent: in parts, encoded, from memory, from the disk."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import random
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import zstandard

from holdfast.bundles.store.keys import bundle_key
from holdfast.runner.ui.files import IN_MEMORY_BYTES, BundleRef, PageSource, PageUnavailable
from holdfast.runner.ui.responses import PIECE_BYTES, Streamed
from tests.runner.conftest import EXTENSION, TENANT, Runner
from tests.runner.pages import sent

APP = b"export const answer = 42;\n" * 400
LOGO = random.Random(1).randbytes(20_000)
LARGE = random.Random(2).randbytes(IN_MEMORY_BYTES + 300_000)
PAGES = {
    "ui/index.html": b"<!doctype html>" + b"<p>Notes</p>" * 200,
    "ui/app.js": APP,
    "ui/logo.png": LOGO,
    "ui/large.png": LARGE,
}
IMMUTABLE = "public, max-age=31536000, immutable"


def tag(content: bytes, encoding: str = "") -> str:
    return f'"sha256-{hashlib.sha256(content).hexdigest()}{encoding}"'


def unpacked(encoding: str, body: bytes) -> bytes:
    return gzip.decompress(body) if encoding == "gzip" else zstandard.ZstdDecompressor().decompress(body)


def remove_entry(root: Path, digest: str) -> None:
    """Removes a bundle from the cache in one step: the evictor, which may run now, removes an entry that is half deleted."""
    (root / digest).rename(root.with_name("removed"))


@pytest.mark.parametrize(("name", "content"), [("logo.png", LOGO), ("app.js", APP), ("large.png", LARGE)])
@pytest.mark.parametrize(
    ("header", "part"), [("bytes=0-9", slice(0, 10)), ("bytes=-7", slice(-7, None)), ("bytes=5000-", slice(5_000, None))]
)
async def test_a_range_returns_these_bytes_of_the_file(runner: Runner, name: str, content: bytes, header: str, part: slice) -> None:
    digest = await runner.put(files=PAGES)
    response = await sent(runner, digest, name, range=header, accept_encoding="gzip, zstd")
    first, last, _ = part.indices(len(content))
    assert (response.status, response.raw) == (206, content[part])
    assert response.headers["content-range"] == f"bytes {first}-{last - 1}/{len(content)}"
    assert response.headers["content-length"] == str(len(content[part]))
    assert (response.headers["etag"], response.headers["cache-control"]) == (tag(content), IMMUTABLE)
    assert "content-encoding" not in response.headers
    assert response.headers["access-control-allow-origin"] == "*"


async def test_a_range_outside_the_file_is_rejected_with_the_size(runner: Runner) -> None:
    response = await sent(runner, await runner.put(files=PAGES), "logo.png", range="bytes=20000-")
    assert (response.status, response.headers["content-range"]) == (416, "bytes */20000")
    assert response.headers["cache-control"] == "no-store"
    assert b"range_not_satisfiable" in response.raw


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=2-1", "lines=0-1", "bytes=x"])
async def test_several_ranges_and_malformed_ones_get_the_whole_file(runner: Runner, header: str) -> None:
    response = await sent(runner, await runner.put(files=PAGES), "logo.png", range=header)
    assert (response.status, response.raw, response.headers["accept-ranges"]) == (200, LOGO, "bytes")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (tag(APP), 206),
        (tag(LOGO), 200),
        (f"W/{tag(APP)}", 200),
        (tag(APP, "-zstd"), 200),
        ("Tue, 24 Nov 2026 16:00:00 GMT", 200),
        ("Tue, 24 Nov 2099 16:00:00 GMT", 200),
    ],
)
async def test_if_range_sends_the_range_only_for_an_unchanged_file(runner: Runner, condition: str, status: int) -> None:
    response = await sent(runner, await runner.put(files=PAGES), "app.js", range="bytes=1-2", if_range=condition)
    assert (response.status, response.raw) == (status, APP[1:3] if status == 206 else APP)


async def test_a_matching_etag_takes_precedence_over_any_range(runner: Runner) -> None:
    response = await sent(runner, await runner.put(files=PAGES), "app.js", range="bytes=99999-", if_none_match=tag(APP))
    assert (response.status, response.raw) == (304, b"")


async def test_head_has_no_ranges_and_no_body(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    for name, content in (("logo.png", LOGO), ("large.png", LARGE)):
        response = await sent(runner, digest, name, method="HEAD", range="bytes=0-1")
        assert (response.status, response.raw, response.headers["content-length"]) == (200, b"", str(len(content)))
        assert response.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(("accepts", "encoding"), [("gzip", "gzip"), ("gzip, deflate, br, zstd", "zstd"), ("gzip;q=1, zstd;q=0.9", "gzip")])
async def test_text_is_sent_in_the_encoding_that_the_browser_prefers(runner: Runner, accepts: str, encoding: str) -> None:
    digest = await runner.put(files=PAGES)
    for method in ("GET", "HEAD"):
        response = await sent(runner, digest, "app.js", accept_encoding=accepts, method=method)
        assert (response.status, response.headers["content-encoding"], response.headers["vary"]) == (200, encoding, "accept-encoding")
        assert int(response.headers["content-length"]) < len(APP) // 10
        assert (response.headers["etag"], response.headers["cache-control"]) == (tag(APP, f"-{encoding}"), IMMUTABLE)
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "accept-ranges" not in response.headers
        assert method == "HEAD" or unpacked(encoding, response.raw) == APP


@pytest.mark.parametrize("accepts", [None, "identity", "br", "gzip;q=0", "*;q=0"])
async def test_a_browser_that_accepts_no_supported_encoding_gets_the_unencoded_file(runner: Runner, accepts: str | None) -> None:
    headers = {} if accepts is None else {"accept_encoding": accepts}
    response = await sent(runner, await runner.put(files=PAGES), "app.js", **headers)
    assert (response.status, response.raw, response.headers["etag"]) == (200, APP, tag(APP))
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(("name", "content"), [("logo.png", LOGO), ("tiny.js", b"let a"), ("large.png", LARGE)])
async def test_a_file_that_encoding_would_not_shrink_is_sent_unencoded(runner: Runner, name: str, content: bytes) -> None:
    digest = await runner.put(files=PAGES | {"ui/tiny.js": b"let a"})
    response = await sent(runner, digest, name, accept_encoding="gzip, zstd")
    assert (response.status, response.raw, response.headers["etag"]) == (200, content, tag(content))
    assert not {"content-encoding", "vary"} & set(response.headers)


async def test_a_script_that_does_not_compress_is_sent_unencoded_and_still_varies(runner: Runner) -> None:
    response = await sent(runner, await runner.put(files=PAGES | {"ui/noise.js": LOGO}), "noise.js", accept_encoding="gzip, zstd")
    assert (response.raw, response.headers["vary"]) == (LOGO, "accept-encoding")
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("have", ["", "-gzip", "-zstd"])
@pytest.mark.parametrize("accepts", ["identity", "zstd"])
async def test_a_browser_with_the_file_in_any_encoding_gets_304(runner: Runner, have: str, accepts: str) -> None:
    digest = await runner.put(files=PAGES)
    for written in (tag(APP, have), f'"other", W/{tag(APP, have)}'):
        response = await sent(runner, digest, "app.js", if_none_match=written, accept_encoding=accepts)
        assert (response.status, response.raw, response.headers["etag"]) == (304, b"", tag(APP, have))
        assert (response.headers["vary"], response.headers["cache-control"]) == ("accept-encoding", IMMUTABLE)


async def test_documents_are_encoded_and_keep_their_policy(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    for path in ("index.html", "some/client/route"):
        response = await sent(runner, digest, path, accept_encoding="zstd")
        assert unpacked("zstd", response.raw) == PAGES["ui/index.html"]
        assert (response.headers["cache-control"], response.headers["vary"]) == ("no-cache", "accept-encoding")
        assert response.headers["content-security-policy"].startswith("default-src 'self'")


async def test_a_file_encoded_by_the_author_is_sent_but_cannot_be_requested_itself(runner: Runner) -> None:
    small = gzip.compress(APP, 9, mtime=1)
    digest = await runner.put(files=PAGES | {"ui/app.js.gz": small})
    response = await sent(runner, digest, "app.js", accept_encoding="gzip, zstd")
    assert (response.headers["content-encoding"], response.raw) == ("gzip", small)
    assert (await sent(runner, digest, "app.js", accept_encoding="zstd")).headers["content-encoding"] == "zstd"
    assert (await sent(runner, digest, "app.js")).raw == APP
    for hidden in ("app.js.gz", "app.js.zst", "app.js%2egz", "APP.JS.GZ"):
        assert (await sent(runner, digest, hidden)).status == 400


async def test_a_zstd_file_has_the_suffix_zst(runner: Runner) -> None:
    small = zstandard.ZstdCompressor(level=19, write_checksum=True).compress(APP)
    digest = await runner.put(files=PAGES | {"ui/app.js.zst": small, "ui/app.js.gz": gzip.compress(APP)})
    response = await sent(runner, digest, "app.js", accept_encoding="gzip, zstd")
    assert (response.headers["content-encoding"], response.raw) == ("zstd", small)


@pytest.mark.parametrize(
    "stale",
    [gzip.compress(b"another file" * 500), b"not gzip", gzip.compress(APP)[:-4], APP * 2],
    ids=["of another file", "not gzip", "truncated", "not encoded"],
)
async def test_an_encoded_file_that_does_not_match_its_original_is_not_sent(runner: Runner, stale: bytes) -> None:
    response = await sent(runner, await runner.put(files=PAGES | {"ui/app.js.gz": stale}), "app.js", accept_encoding="gzip")
    assert gzip.decompress(response.raw) == APP


async def test_for_five_seconds_a_bundle_and_its_files_in_memory_need_no_disk(runner: Runner) -> None:
    digest, seconds = await runner.put(files=PAGES), [0.0]
    source = PageSource(runner.services.cache, policy="", now=lambda: seconds[0])
    bundle_ref = BundleRef(TENANT, EXTENSION, digest)
    app = await source.asset(bundle_ref, "app.js")
    assert await source.small(bundle_ref, app) == APP
    first = await source.encoded(bundle_ref, app, ("zstd",))
    remove_entry(runner.services.cache.root, digest)
    (runner.root / "data/bundles" / bundle_key(TENANT, EXTENSION, digest)).unlink()
    seconds[0] = 4.9
    assert await source.asset(bundle_ref, "app.js") is app
    assert await source.small(bundle_ref, app) == APP
    assert await source.encoded(bundle_ref, app, ("zstd",)) == first
    assert (await source.asset(bundle_ref, "large.png")).not_modified(tag(LARGE).encode()) is not None
    seconds[0] = 5.1
    with pytest.raises(PageUnavailable):
        await source.asset(bundle_ref, "app.js")


async def test_a_bundle_missing_on_disk_is_fetched_again_for_files_that_are_not_in_memory(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    await sent(runner, digest, "app.js")
    remove_entry(runner.services.cache.root, digest)
    assert (await sent(runner, digest, "large.png")).raw == LARGE
    assert (await sent(runner, digest, "logo.png")).raw == LOGO


async def test_a_large_file_is_sent_completely_when_its_bundle_is_removed_while_it_is_sent(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    source = PageSource(runner.services.cache, policy="")
    bundle_ref = BundleRef(TENANT, EXTENSION, digest)
    descriptor = await source.descriptor(bundle_ref, await source.asset(bundle_ref, "large.png"))
    remove_entry(runner.services.cache.root, digest)
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == LARGE


async def test_no_descriptor_stays_open(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    await sent(runner, digest, "large.png")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for headers in ({}, {"range": "bytes=10-600000"}, {"range": "bytes=9999999-"}, {"if_none_match": tag(LARGE)}):
        await sent(runner, digest, "large.png", **headers)
        await sent(runner, digest, "large.png", method="HEAD", **headers)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


class Browser:
    """A client of an ASGI application: the test decides when it reading and when it disconnects."""

    def __init__(self) -> None:
        self.received, self.arrived, self.disconnected, self.reading = 0, asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.received += len(message.get("body", b""))
        if self.received:
            self.arrived.set()
            await self.reading.wait()


async def stream_large_file(runner: Runner) -> tuple[Streamed, int]:
    source = PageSource(runner.services.cache, policy="")
    bundle_ref = BundleRef(TENANT, EXTENSION, await runner.put(files=PAGES))
    asset = await source.asset(bundle_ref, "large.png")
    descriptor = await source.descriptor(bundle_ref, asset)
    return Streamed(200, [], descriptor, offset=0, length=asset.size), descriptor


def closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


async def test_a_request_cancelled_in_the_middle_of_a_large_file_leaves_no_descriptor(runner: Runner) -> None:
    (response, descriptor), browser = await stream_large_file(runner), Browser()
    task = asyncio.create_task(response({"method": "GET"}, browser.receive, browser.send))
    await browser.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed(descriptor)


async def test_a_large_file_is_not_read_further_for_a_disconnected_browser(runner: Runner) -> None:
    (response, descriptor), browser = await stream_large_file(runner), Browser()
    task = asyncio.create_task(response({"method": "GET"}, browser.receive, browser.send))
    await browser.arrived.wait()
    browser.disconnected.set()
    browser.reading.set()
    await task
    assert browser.received == PIECE_BYTES < len(LARGE)
    assert closed(descriptor)


async def test_a_file_that_was_changed_on_the_disk_does_not_get_into_memory(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    source = PageSource(runner.services.cache, policy="")
    bundle_ref = BundleRef(TENANT, EXTENSION, digest)
    asset = await source.asset(bundle_ref, "app.js")
    (runner.services.cache.root / digest / "ui" / "app.js").write_bytes(APP.replace(b"42", b"43"))
    with pytest.raises(PageUnavailable):
        await source.small(bundle_ref, asset)
    with pytest.raises(PageUnavailable):
        await source.encoded(bundle_ref, asset, ("gzip",))


async def test_the_first_requests_for_a_cold_page_all_get_their_own_files(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    names = ["index.html", "app.js", "logo.png", "large.png", "gone.js"] * 4
    responses = await asyncio.gather(*[sent(runner, digest, name) for name in names])
    for name, response in zip(names, responses, strict=True):
        assert (response.status, response.raw) == (200, PAGES[f"ui/{name}"]) if name != "gone.js" else response.status == 404


async def test_an_empty_file_is_served(runner: Runner) -> None:
    digest = await runner.put(files=PAGES | {"ui/empty.css": b""})
    response = await sent(runner, digest, "empty.css", accept_encoding="gzip")
    assert (response.status, response.raw, response.headers["content-length"]) == (200, b"", "0")
    assert (await sent(runner, digest, "empty.css", range="bytes=0-")).status == 416
    assert (await sent(runner, digest, "empty.css", range="bytes=-1")).status == 200
