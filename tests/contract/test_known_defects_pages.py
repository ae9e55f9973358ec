"""S13, S14, S15, S18, S19: who gets extension pages, and which sites may frame them. Numbers as in section 8.2 of the runner's contract."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from starlette.responses import Response

from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.settings import Settings
from tests.cli.command_runner import run
from tests.contract.conftest import Start
from tests.contract.running import PAGES, Registry, Running
from tests.events.recording_server import Recorded, recording_server
from tests.gateway.platform import INTERNAL_TOKEN, platform
from tests.records import databases
from tests.runner.conftest import EXTENSION, TENANT

OTHER = "tenant-b"


async def test_s13_a_rejected_tenant_is_never_used_for_other_requests(runner: Running) -> None:
    digest = runner.put(PAGES)
    for tenant in (OTHER, "../x", "unknown"):
        assert (await runner.page(digest, tenant=tenant)).status_code == 404
    # Requests that a page makes for its own files name no tenant.
    assert (await runner.page(digest, "assets/app.js", tenant=None)).status_code == 200
    assert (await runner.page(digest, tenant=OTHER)).status_code == 404
    assert (await runner.page(digest, "assets/app.js", tenant=None)).status_code == 200


async def test_s13_without_strict_checking_no_tenant_is_remembered_for_a_bundle_that_it_does_not_have(lenient: Running) -> None:
    """A first request for a tenant without the bundle has no effect on later requests."""
    digest = lenient.put(PAGES)
    assert (await lenient.page(digest, tenant=OTHER)).status_code == 500
    assert (await lenient.page(digest, "assets/app.js", tenant=None)).status_code == 200
    assert all("other" not in str(question) for question in lenient.registry.questions())


@pytest.mark.parametrize("value", ["1", "yes", "true", "TRUE", "on"])
async def test_s14_every_spelling_of_yes_enables_strict_checking(
    start: Start, monkeypatch: pytest.MonkeyPatch, registry: Registry, value: str
) -> None:
    """One parser reads the value once, both for the code that requires a tenant and for the code that checks it."""
    registry.installed.clear()
    runner = await start(static_strict_validation=strict(monkeypatch, value))
    assert (await runner.page(runner.put(PAGES))).status_code == 404
    assert len(registry.questions()) == 1


@pytest.mark.parametrize("value", ["0", "no", "false", "off"])
def test_s14_every_spelling_of_no_disables_strict_checking(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert strict(monkeypatch, value) is False


def test_s14_unset_is_strict_and_any_other_word_is_rejected_at_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert strict(monkeypatch, None) is True
    rejected = run("runner", "--port", "0", cwd=tmp_path, RUNNER_SERVICE_TOKEN="t", EXT_STATIC_STRICT_VALIDATION="maybe")
    assert rejected.returncode != 0
    assert "EXT_STATIC_STRICT_VALIDATION" in rejected.stderr and "Traceback" not in rejected.stderr


def strict(monkeypatch: pytest.MonkeyPatch, value: str | None) -> bool:
    """The value of the setting when the environment variable has this value."""
    monkeypatch.delenv("EXT_STATIC_STRICT_VALIDATION", raising=False)
    if value is not None:
        monkeypatch.setenv("EXT_STATIC_STRICT_VALIDATION", value)
    return Settings(_env_file=None).static_strict_validation


async def test_s15_a_disabled_install_is_not_served(start: Start, registry: Registry, tmp_path: Path) -> None:
    """The registry is this project's gateway with its tables. A runner caches a positive response for five seconds and a negative one not
    at all, so each request here goes to a new runner."""
    async with platform(tmp_path / "gateway") as gateway, recording_server() as server:

        async def forward(received: Recorded) -> Response:
            response = await gateway.http.request(received.method, f"{received.path}?{received.query}", headers=dict(received.headers))
            return Response(response.content, response.status_code, {"content-type": "application/json"})

        server.answer = forward
        tenant, extension, content_hash = databases.TENANT, gateway.installed.registry_id, gateway.installed.content_hash
        store = str(tmp_path / "gateway" / "bundles")

        async def page() -> httpx2.Response:
            runner = await start(bundle_store_base=store, registry_base_url=server.url, runner_storage_api_token=INTERNAL_TOKEN)
            return await runner.client.get(f"/ext-ui/{extension}/{content_hash}/index.html?tenant={tenant}")

        assert (await page()).status_code == 200
        await set_enabled(gateway.db, actor=local_actor(tenant), extension=extension, enabled=False)
        rejected = await page()
        assert (rejected.status_code, rejected.headers["cache-control"]) == (404, "no-store")
        await set_enabled(gateway.db, actor=local_actor(tenant), extension=extension, enabled=True)
        assert (await page()).status_code == 200


async def test_s15_an_uninstalled_extension_is_not_served_from_the_cache(start: Start, registry: Registry) -> None:
    runner = await start()
    digest = runner.put(PAGES)
    assert (await runner.page(digest)).status_code == 200
    registry.installed.clear()
    another = await start()
    assert (another.cache / digest / "bundle" / ".ready").is_file()
    assert (await another.page(digest)).status_code == 404
    assert (await another.page(digest, "assets/app.js", tenant=None)).status_code == 404


async def test_s18_pages_may_be_framed_by_their_own_origin_unless_set_otherwise(start: Start) -> None:
    pages = PAGES | {"ui/about.html": b"<p>About</p>", "ui/logo.svg": b"<svg/>"}
    runner = await start()
    digest = runner.put(pages)
    for path in ("index.html", "about.html", "", "some/route", "logo.svg"):
        response = await runner.page(digest, path)
        assert response.headers["content-security-policy"].endswith("; frame-ancestors 'self'"), path
    # A value that would end the directive and begin another is ignored.
    for value in ("*; script-src *", "https://a.example\r\nx: y"):
        runner_with_bad_value = await start(ui_frame_ancestors=value)
        assert (await runner_with_bad_value.page(digest)).headers["content-security-policy"].endswith("; frame-ancestors 'self'")


async def test_s18_the_address_of_a_script_never_returns_a_page(runner: Running) -> None:
    digest = runner.put(PAGES)
    for path in ("assets/gone.js", "assets/gone.css", "gone.json", "assets/gone.wasm"):
        response = await runner.page(digest, path)
        assert response.status_code == 404
        assert not response.headers["content-type"].startswith("text/html")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"


async def test_s19_a_bundle_cached_for_one_tenant_is_not_available_to_another(runner: Running) -> None:
    """Tenants share unpacked bundles by hash. Every request is checked: does its tenant have the extension?"""
    digest = runner.put(PAGES)
    page = await runner.page(digest)
    assert page.status_code == 200
    for path in ("index.html", "assets/app.js", "some/route"):
        assert (await runner.page(digest, path, tenant=OTHER)).status_code == 404
        # A caller who knows the ETag learns nothing either.
        assert (await runner.page(digest, path, tenant=OTHER, if_none_match="*")).status_code == 404
        assert (await runner.page(digest, path, tenant=OTHER, if_none_match=page.headers["etag"])).status_code == 404
    assert {question["tenant"] for question in runner.registry.questions()} == {TENANT, OTHER}
    other_extension = await runner.client.get(f"/ext-ui/other/sha256:{digest}/index.html?tenant={OTHER}")
    assert other_extension.status_code == 404
    assert EXTENSION != "other"
