"""`GET /ext-ui/…`: pages for tenants that have the extension installed, with security and cache headers."""

from __future__ import annotations

import hashlib

import httpx2
import pytest

from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import archive, regular
from tests.runner.conftest import EXTENSION, TENANT, Runner, StartRunner

PAGES = {
    "ui/index.html": b"<!doctype html><title>Notes</title>",
    "ui/assets/app.js": b"export {};",
    "ui/about.html": b"<p>About</p>",
    "ui/img/logo.png": b"\x89PNG" * 300,
    "ui/LICENSE": b"MIT",
}
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


async def get(runner: Runner, digest: str, path: str = "index.html", *, tenant: str | None = TENANT, **headers: str) -> httpx2.Response:
    query = "" if tenant is None else f"?tenant={tenant}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await runner.client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/{path}{query}", headers=named)


async def test_a_page_is_fetched_cold_and_then_not_modified(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    cold = await get(runner, digest)
    assert cold.status_code == 200
    assert cold.content == PAGES["ui/index.html"]
    assert cold.headers["content-type"].startswith("text/html")
    assert cold.headers["etag"] == f'"sha256-{hashlib.sha256(PAGES["ui/index.html"]).hexdigest()}"'
    warm = await get(runner, digest, if_none_match=cold.headers["etag"])
    assert (warm.status_code, warm.content) == (304, b"")
    assert warm.headers["etag"] == cold.headers["etag"]
    assert warm.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize(("tag", "status"), [("*", 304), ('"other", {}', 304), ("W/{}", 304), ('"other"', 200), ("", 200)])
async def test_etags_are_compared_as_the_http_standard_says(runner: Runner, tag: str, status: int) -> None:
    digest = await runner.put(files=PAGES)
    etag = (await get(runner, digest)).headers["etag"]
    assert (await get(runner, digest, if_none_match=tag.format(etag))).status_code == status


async def test_documents_have_the_policy_and_are_revalidated(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    for path in ("index.html", "about.html", "", "some/client/route"):
        page = await get(runner, digest, path)
        assert page.status_code == 200
        assert page.headers["content-security-policy"] == POLICY
        assert page.headers["cache-control"] == "no-cache"
        assert page.headers["x-content-type-options"] == "nosniff"


async def test_assets_may_be_cached_forever_and_loaded_from_an_opaque_origin(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    for headers in ({}, {"if_none_match": "*"}):
        asset = await get(runner, digest, "assets/app.js", **headers)
        assert asset.status_code == (304 if headers else 200)
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["access-control-allow-origin"] == "*"
        assert asset.headers["cross-origin-resource-policy"] == "cross-origin"
        assert asset.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" not in asset.headers


async def test_modules_and_fonts_load_from_an_opaque_origin_and_only_reading_is_allowed(runner: Runner) -> None:
    digest = await runner.put(files=PAGES | {"ui/font.woff2": b"wOF2"})
    for path in ("assets/app.js", "font.woff2", "index.html"):
        for headers in ({}, {"range": "bytes=0-0"}, {"if_none_match": "*"}):
            response = await get(runner, digest, path, origin="null", **headers)
            assert response.headers["access-control-allow-origin"] == "*"
            assert response.headers["cross-origin-resource-policy"] == "cross-origin"
            assert "access-control-allow-credentials" not in response.headers
    # A plain GET needs no preflight. A preflight for another method gets no permission.
    preflight = await runner.client.options(f"/ext-ui/{EXTENSION}/sha256:{digest}/assets/app.js", headers={"origin": "null"})
    assert (preflight.status_code, "access-control-allow-origin" in preflight.headers) == (405, False)


async def test_an_svg_opened_by_its_address_has_the_policy_too(runner: Runner) -> None:
    svg = await get(runner, await runner.put(files={"ui/logo.svg": b"<svg/>"}), "logo.svg")
    assert svg.headers["content-security-policy"] == POLICY
    assert "immutable" in svg.headers["cache-control"]


async def test_a_route_is_the_index_and_a_missing_file_is_not(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest, "users/42")).content == PAGES["ui/index.html"]
    assert (await get(runner, digest, "assets")).content == PAGES["ui/index.html"]
    assert (await get(runner, digest, "LICENSE")).content == PAGES["ui/LICENSE"]
    missing = await get(runner, digest, "assets/gone.js")
    assert missing.status_code == 404
    assert missing.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("assets/app.js", "text/javascript"),
        ("img/logo.png", "image/png"),
        ("LICENSE", "application/octet-stream"),
        ("about.html", "text/html"),
    ],
)
async def test_the_type_follows_the_name(runner: Runner, path: str, kind: str) -> None:
    assert (await get(runner, await runner.put(files=PAGES), path)).headers["content-type"].partition(";")[0] == kind


async def test_pages_packed_by_hand_in_ui_dist_are_served(runner: Runner) -> None:
    made = archive(runner.root / "made", regular("manifest.json", b"{}"), regular("ui/dist/index.html", b"built"))
    assert (await get(runner, await runner.put_archive(made))).content == b"built"


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/secret.txt",
        "..%2f..%2fmanifest.json",
        ".env",
        "assets/.secret/x.js",
        "a%5cb.js",
        "a%00b.js",
        "%2fetc/passwd",
        "bad.exe",
        "file.",
        "users/john.doe",
    ],
)
async def test_an_unsafe_hidden_or_unsupported_path_is_rejected_before_anything_is_fetched(runner: Runner, path: str) -> None:
    digest = await runner.put(files=PAGES)
    response = await get(runner, digest, path)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_path")
    assert response.headers["cache-control"] == "no-store"
    assert runner.cached() == [] and runner.registry.requests == []


@pytest.mark.parametrize("written", ["sha256:" + "a" * 63, "a" * 64, "sha256:" + "g" * 64, "md5:" + "a" * 32, "sha256:..", "sha256:"])
async def test_an_invalid_hash_is_rejected(runner: Runner, written: str) -> None:
    response = await runner.client.get(f"/ext-ui/{EXTENSION}/{written}/index.html?tenant={TENANT}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_content_hash")


async def test_an_encoded_colon_in_the_address_works(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await runner.client.get(f"/ext-ui/{EXTENSION}/sha256%3A{digest.upper()}/index.html?tenant={TENANT}")).status_code == 200


async def test_a_tenant_without_the_extension_gets_nothing(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest)).status_code == 200
    response = await get(runner, digest, tenant="tenant-b")
    assert response.status_code == 404
    assert response.headers["cache-control"] == "no-store"
    assert (await get(runner, digest, tenant="tenant-b")).status_code == 404


async def test_the_tenant_may_be_in_a_header_and_the_query_takes_precedence(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest, tenant=None, x_tenant_id=TENANT)).status_code == 200
    assert (await get(runner, digest, tenant="tenant-b", x_tenant_id=TENANT)).status_code == 404


async def test_files_that_a_page_requests_without_a_tenant_are_served_after_the_page(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest)).status_code == 200
    assert (await get(runner, digest, "assets/app.js", tenant=None)).status_code == 200
    assert [request.url.params.get("tenant") for request in runner.registry.requests] == [TENANT]


async def test_without_a_tenant_the_registry_names_one(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest, "assets/app.js", tenant=None)).status_code == 200
    assert "tenant" not in runner.registry.requests[0].url.params


async def test_a_rejected_tenant_is_never_cached_for_others(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest, tenant="tenant-b")).status_code == 404
    assert (await get(runner, digest, "assets/app.js", tenant=None)).status_code == 200
    runner.registry.installed.clear()
    other = await runner.put(files=PAGES | {"ui/x.js": b"1"})
    assert (await get(runner, other, tenant="tenant-b")).status_code == 404
    assert (await get(runner, other, "assets/app.js", tenant=None)).status_code == 404


async def test_without_a_response_from_the_registry_no_page_is_served_and_the_next_request_tries_again(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    runner.registry.broken = True
    assert (await get(runner, digest)).status_code == 404
    runner.registry.broken = False
    assert (await get(runner, digest)).status_code == 200


async def test_without_strict_checking_the_registry_is_not_called_for_a_named_tenant(start_runner: StartRunner) -> None:
    runner = await start_runner(static_strict_validation=False)
    digest = await runner.put(files=PAGES, tenant="tenant-b")
    assert (await get(runner, digest, tenant="tenant-b")).status_code == 200
    assert (await get(runner, digest, "assets/app.js", tenant=None)).status_code == 200
    assert runner.registry.requests == []


@pytest.mark.parametrize("tenant", ["../x", "a/b", "%2e%2e"])
async def test_an_invalid_tenant_id_gets_nothing(start_runner: StartRunner, tenant: str) -> None:
    runner = await start_runner(static_strict_validation=False)
    assert (await get(runner, await runner.put(files=PAGES), tenant=tenant)).status_code == 404


async def test_a_file_beyond_the_limit_is_rejected(start_runner: StartRunner) -> None:
    runner = await start_runner(static_max_file_bytes=1_000)
    digest = await runner.put(files=PAGES)
    assert (await get(runner, digest)).status_code == 200
    response = await get(runner, digest, "img/logo.png")
    assert (response.status_code, response.json()["code"]) == (413, "asset_too_large")


async def test_a_tampered_bundle_is_a_mismatch_and_leaves_nothing(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    path = runner.root / "data/bundles" / bundle_key(TENANT, EXTENSION, digest)
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    response = await get(runner, digest)
    assert (response.status_code, response.json()["code"]) == (502, "archive_hash_mismatch")
    assert runner.cached() == []


async def test_a_bundle_that_is_not_an_archive_leaves_nothing(runner: Runner) -> None:
    broken = runner.root / "broken"
    broken.write_bytes(b"the hash of these bytes is right")
    response = await get(runner, await runner.put_archive(broken))
    assert (response.status_code, response.json()["code"]) == (500, "extract_failed")
    assert runner.cached() == []


async def test_a_bundle_that_is_not_in_the_store_is_extract_failed(runner: Runner) -> None:
    response = await get(runner, "ab" * 32)
    assert (response.status_code, response.json()["code"]) == (500, "extract_failed")


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ({"ui_frame_ancestors": "https://app.example.com"}, f"{POLICY} https://app.example.com"),
        ({"ui_content_security_policy": " default-src 'none' "}, "default-src 'none'"),
        ({"ui_content_security_policy": "default-src\r\nx: y"}, POLICY),
        ({"ui_frame_ancestors": "*; script-src *"}, POLICY),
    ],
)
async def test_the_operator_sets_the_policy(start_runner: StartRunner, settings: dict[str, str], policy: str) -> None:
    runner = await start_runner(**settings)
    assert (await get(runner, await runner.put(files=PAGES))).headers["content-security-policy"] == policy


async def test_head_gets_no_body_and_other_methods_are_not_served(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    address = f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html?tenant={TENANT}"
    head = await runner.client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(PAGES["ui/index.html"]))
    rejected = await runner.client.post(address)
    assert (rejected.status_code, rejected.json()["error"]) == (405, "method_not_allowed")
    assert rejected.headers["cache-control"] == "no-store"
