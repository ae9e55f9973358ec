"""UI-01 to UI-08: extension pages. Each number is one of section 7.1 of the runner's contract."""

from __future__ import annotations

import random

import pytest
import zstandard

from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.store.hashing import InvalidContentHash
from tests.contract.conftest import Start
from tests.contract.running import PAGES, Running
from tests.runner.conftest import EXTENSION, TENANT


async def test_ui_01_cold_fetch_then_304(lenient: Running) -> None:
    """The document is `no-cache` here: a browser revalidates it each time and so sees its current headers. All other files never change
    at their address and are immutable."""
    digest = lenient.put(PAGES)
    # UI-01.1: a warm-up that names only the hash
    rejected = await lenient.post({"content_hash": f"sha256:{digest}"}, "/warmup")
    assert rejected.status_code == 400
    assert rejected.json()["message"] == "warmup unsupported without tenant + extension context"
    # UI-01.2: a cold GET downloads, unpacks and responds
    assert not lenient.cache.exists() or not list(lenient.cache.glob("*/ui"))
    cold = await lenient.page(digest)
    assert (cold.status_code, cold.content) == (200, PAGES["ui/index.html"])
    assert (lenient.cache / digest / "bundle" / ".ready").is_file()
    # UI-01.3
    assert cold.headers["etag"]
    # UI-01.4
    assert cold.headers["content-type"].startswith("text/html")
    # UI-01.5: ours, see above
    assert cold.headers["cache-control"] == "no-cache"
    assert "immutable" in (await lenient.page(digest, "assets/app.js")).headers["cache-control"]
    # UI-01.6
    again = await lenient.page(digest, if_none_match=cold.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


async def test_ui_02_csp_and_nosniff_headers(start: Start) -> None:
    """Without EXT_UI_FRAME_ANCESTORS the original sends no frame-ancestors, so that any site may frame a page (S18). Here it is `'self'`
    plus the origins that the variable names. Both variables are read at start, not while running."""
    runner = await start(static_strict_validation=False)
    digest = runner.put(PAGES)
    page = await runner.page(digest)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    # UI-02.1
    assert "default-src 'self'" in policy
    # UI-02.2
    assert "script-src 'self'" in policy
    # UI-02.3: ours, see above
    assert policy.endswith("; frame-ancestors 'self'")
    # UI-02.4
    assert page.headers["x-content-type-options"] == "nosniff"
    # UI-02.5
    revalidated = await runner.page(digest, if_none_match=page.headers["etag"])
    assert (revalidated.status_code, revalidated.headers["content-security-policy"]) == (304, policy)
    # UI-02.6: a client route
    route = await runner.page(digest, "some/client/route")
    assert (route.status_code, route.content) == (200, PAGES["ui/index.html"])
    assert route.headers["content-security-policy"] == policy
    # UI-02.7
    script = await runner.page(digest, "assets/app.js")
    assert (script.status_code, script.content) == (200, PAGES["ui/assets/app.js"])
    assert "content-security-policy" not in script.headers
    # UI-02.8
    assert script.headers["x-content-type-options"] == "nosniff"
    # UI-02.9
    framed = await start(static_strict_validation=False, ui_frame_ancestors="https://app.example.com")
    policy = (await framed.page(digest)).headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'self' https://app.example.com")
    # UI-02.10
    own = await start(static_strict_validation=False, ui_content_security_policy="default-src 'none'; img-src https:")
    assert (await own.page(digest)).headers["content-security-policy"] == "default-src 'none'; img-src https:"


async def test_ui_03_strict_validation_denied_is_404(runner: Running) -> None:
    digest = runner.put(PAGES)
    runner.registry.installed.clear()
    # UI-03.1
    response = await runner.page(digest)
    assert (response.status_code, response.headers["cache-control"]) == (404, "no-store")
    assert runner.registry.questions() == [{"tenant": TENANT, "extension": EXTENSION, "hash": f"sha256:{digest}"}]
    assert not (runner.cache / digest).exists(), "no bundle is fetched for a tenant without the extension"


async def test_ui_04_traversal_is_rejected(lenient: Running) -> None:
    digest = lenient.put(PAGES)
    (lenient.folder / "secret.txt").write_text("secret")
    # UI-04.1: a literal `..`, which HTTP clients would resolve before they send it
    assert await lenient.raw_page(digest, "../secret.txt") == 400
    assert await lenient.raw_page(digest, "assets/../../secret.txt") == 400
    assert await lenient.raw_page(digest, "%2e%2e/secret.txt") == 400


async def test_ui_05_oversize_asset_returns_413(start: Start) -> None:
    runner = await start(static_strict_validation=False, static_max_file_bytes=1024)
    digest = runner.put(PAGES | {"ui/assets/big.png": bytes(128 * 1024)})
    # UI-05.1
    assert (await runner.post({"content_hash": f"sha256:{digest}"}, "/warmup")).status_code == 400
    # UI-05.2: cold
    response = await runner.page(digest, "assets/big.png")
    assert (response.status_code, response.json()["code"]) == (413, "asset_too_large")
    assert (await runner.page(digest, "assets/app.js")).status_code == 200


async def test_ui_06_archive_hash_mismatch_returns_502(lenient: Running) -> None:
    digest = lenient.put(PAGES)
    stored = lenient.stored(digest)
    stored.write_bytes(bytes([stored.read_bytes()[0] ^ 0xFF]) + stored.read_bytes()[1:])
    response = await lenient.page(digest)
    # UI-06.1
    assert response.status_code == 502
    # UI-06.2
    assert response.json()["code"] == "archive_hash_mismatch"
    assert not (lenient.cache / digest).exists()


@pytest.mark.parametrize("kind", ["not zstd", "not tar", "truncated"])
async def test_ui_07_partial_extract_cleanup_on_failure(lenient: Running, kind: str) -> None:
    """The original may respond without JSON. Here every error has the same shape."""
    noise = random.Random(7).randbytes(300_000)
    good = lenient.stored(lenient.put(PAGES | {"ui/assets/noise.png": noise})).read_bytes()
    broken = {"not zstd": b"not zstd", "not tar": zstandard.compress(b"not tar" * 1000), "truncated": good[:-2_000]}[kind]
    digest = lenient.put_bytes(broken)
    response = await lenient.page(digest)
    # UI-07.1
    assert response.status_code == 500
    # UI-07.2
    assert response.json()["code"] == "extract_failed"
    # UI-07.3
    assert not (lenient.cache / digest / "ui").exists()
    assert not list(lenient.cache.rglob("*noise*"))


async def test_ui_08_verify_archive_sha256(lenient: Running) -> None:
    """`deadbeef` is rejected before any request, because it is not a SHA-256 (S8). A valid hash shows the mismatch."""
    digest = lenient.put(PAGES)
    cache = lenient.services.cache
    # UI-08.1
    bundle = await cache.ensure(TENANT, EXTENSION, digest)
    assert (bundle.ui / "index.html").read_bytes() == PAGES["ui/index.html"]
    # UI-08.2
    with pytest.raises(InvalidContentHash):
        await cache.ensure(TENANT, EXTENSION, "deadbeef")
    expected = "deadbeef" * 8
    other = lenient.stored(expected)
    other.parent.mkdir(parents=True)
    other.write_bytes(lenient.stored(digest).read_bytes())
    with pytest.raises(ArchiveHashMismatch) as mismatch:
        await cache.ensure(TENANT, EXTENSION, expected)
    # UI-08.3
    assert mismatch.value.details == {"expected": expected, "computed": digest}
