"""The pages for logged-in users."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holdfast.console.urls import ConsoleUrlError
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import replace_config, set_enabled
from holdfast.registry.secrets.administration import set_secrets
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings
from tests.console.platform import PASSWORD, Platform, platform_at
from tests.records.databases import OTHER_TENANT, add_user

HOSTILE = "\"'><script>alert(1)</script>"


def with_label(label: str) -> dict[str, object]:
    return {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": label}}}


async def test_an_empty_platform_shows_how_to_install_an_extension(platform: Platform) -> None:
    async with platform.logged_in() as client:
        response = await client.get("/", follow_redirects=True)
    assert response.status_code == 200
    assert "holdfast install examples/notes" in response.text
    assert platform.account.tenant_id in response.text
    assert platform.account.tenant_name in response.text


async def test_an_installed_extension_has_a_card_and_a_menu_entry(platform: Platform) -> None:
    installed = await platform.install()
    async with platform.logged_in() as client:
        text = (await client.get("/msp/dashboard")).text
    assert ">EXTENSIONS<" in text
    assert f'href="/msp/extensions/{installed.registry_id}/" data-automation-id="ext-menu-{installed.registry_id}"' in text
    assert f'href="/msp/extensions/{installed.registry_id}/debug"' in text
    assert f"<code data-copy-text>{installed.content_hash.removeprefix('sha256:')[:12]}</code>" in text
    assert "<dd>1.0.0</dd>" in text
    assert "api.example.com" in text


async def test_the_menu_is_sorted_by_label_without_disabled_and_unlabelled_extensions(platform: Platform) -> None:
    await platform.install(name="b", ui=with_label("zebra"))
    await platform.install(name="c", ui=with_label("Apple"))
    await platform.install(name="d", ui=None)
    off = await platform.install(name="e", ui=with_label("Middle"))
    await set_enabled(platform.db, actor=local_actor(platform.account.tenant_id), extension=off.registry_id, enabled=False)
    async with platform.logged_in() as client:
        text = (await client.get("/msp/dashboard")).text
    assert re.findall(r'<span class="nav-label">([^<]*)</span>', text) == ["Apple", "zebra"]
    assert 'data-status="off">Disabled<' in text


async def test_a_hostile_name_and_label_stay_text_on_every_page(platform: Platform) -> None:
    installed = await platform.install(displayName=HOSTILE, description=HOSTILE, ui=with_label(HOSTILE))
    async with platform.logged_in() as client:
        for path in ("/msp/dashboard", f"/msp/extensions/{installed.registry_id}/", f"/msp/extensions/{installed.registry_id}/debug"):
            response = await client.get(path)
            assert response.status_code == 200
            assert "alert(1)&lt;/script&gt;" in response.text
            assert "<script>" not in response.text
            assert "\"'>" not in response.text


async def test_the_frame_page_frames_the_installed_bundle_and_nothing_else(platform: Platform) -> None:
    installed = await platform.install()
    async with platform.logged_in() as client:
        response = await client.get(f"/msp/extensions/{installed.registry_id}/", params={"path": "/notes/7?a=1"})
    assert response.status_code == 200
    folder = f"/runner/ext-ui/{installed.registry_id}/{installed.content_hash.replace(':', '%3A')}/"
    query = f"path=%2Fnotes%2F7%3Fa%3D1&amp;tenant={platform.account.tenant_id}&amp;extensionId={installed.registry_id}"
    assert f'data-src="{folder}index.html?{query}"' in response.text
    assert 'sandbox="allow-scripts allow-forms allow-popups"' in response.text
    assert 'title="Notes"' in response.text
    assert f"frame-src console.test{folder};" in response.headers["content-security-policy"]


async def test_an_invalid_path_opens_the_start_page(platform: Platform) -> None:
    installed = await platform.install()
    async with platform.logged_in() as client:
        response = await client.get(f"/msp/extensions/{installed.registry_id}/", params={"path": "//evil.example"})
    assert 'data-path="/"' in response.text
    assert "evil.example" not in response.text


async def test_an_extension_that_is_opened_by_name_redirects_to_its_id(platform: Platform) -> None:
    installed = await platform.install()
    async with platform.logged_in() as client:
        frame = await client.get("/msp/extensions/com.example.notes/?path=/a")
        debug = await client.get("/msp/extensions/acme.com.example.notes/debug")
        without_slash = await client.get(f"/msp/extensions/{installed.registry_id}")
    assert frame.headers["location"] == f"/msp/extensions/{installed.registry_id}/?path=/a"
    assert debug.headers["location"] == f"/msp/extensions/{installed.registry_id}/debug"
    assert without_slash.status_code == 200


@pytest.mark.parametrize("extension", ["no-such", "8e6f7d3a-0000-4000-8000-000000000000", "%3Cscript%3E", "a%20b", "x" * 300])
async def test_an_unknown_extension_gets_an_error_page_with_a_next_step(platform: Platform, extension: str) -> None:
    async with platform.logged_in() as client:
        for path in (f"/msp/extensions/{extension}/", f"/msp/extensions/{extension}/debug"):
            response = await client.get(path)
            assert response.status_code == 404
            assert "Extension not found" in response.text
            assert "holdfast install" in response.text
            assert "<script>" not in response.text


async def test_another_tenants_extension_does_not_exist(platform: Platform) -> None:
    await add_user(platform.db, "other@holdfast.localhost", tenant_id=OTHER_TENANT, admin=True, password=PASSWORD)
    theirs = await platform.install(OTHER_TENANT, name="theirs", ui=with_label("Theirs"))
    async with platform.logged_in() as client:
        assert "Theirs" not in (await client.get("/msp/dashboard")).text
        for path in (f"/msp/extensions/{theirs.registry_id}/", f"/msp/extensions/{theirs.install_id}/debug"):
            assert (await client.get(path)).status_code == 404
    async with platform.logged_in("other@holdfast.localhost", PASSWORD) as client:
        response = await client.get(f"/msp/extensions/{theirs.registry_id}/")
        assert response.status_code == 200
        assert ">Second<" in response.text
        assert f"tenant={OTHER_TENANT}" in response.text


async def test_a_disabled_extension_is_not_shown_but_can_be_debugged(platform: Platform) -> None:
    installed = await platform.install()
    await set_enabled(platform.db, actor=local_actor(platform.account.tenant_id), extension=installed.registry_id, enabled=False)
    async with platform.logged_in() as client:
        frame = await client.get(f"/msp/extensions/{installed.registry_id}/")
        debug = await client.get(f"/msp/extensions/{installed.registry_id}/debug")
    assert frame.status_code == 404
    assert "Notes is disabled" in frame.text
    assert "<iframe" not in frame.text
    assert debug.status_code == 200


async def test_an_extension_without_a_page_gets_an_error_page(platform: Platform) -> None:
    installed = await platform.install(ui=None)
    async with platform.logged_in() as client:
        response = await client.get(f"/msp/extensions/{installed.registry_id}/")
    assert response.status_code == 404
    assert "Notes has no page" in response.text


async def test_the_debug_page_offers_a_call_that_is_safe_to_paste(platform: Platform) -> None:
    installed = await platform.install()
    async with platform.logged_in() as client:
        text = (await client.get(f"/msp/extensions/{installed.registry_id}/debug")).text
    assert f"http://console.test/api/ext/{installed.registry_id}/notes" in text
    assert f'data-extension-id="{installed.registry_id}"' in text


async def test_required_values_that_are_not_set_are_named_with_the_commands_that_set_them(platform: Platform) -> None:
    settings = [{"key": "region", "required": True}, {"key": "color"}, {"key": "API_KEY", "type": "secret", "required": True}]
    installed = await platform.install(publisher="Ada's tools", settings=settings)
    name = "&#39;Ada&#39;&#34;&#39;&#34;&#39;s tools.com.example.notes&#39;"
    pages = (f"/msp/extensions/{installed.registry_id}/", f"/msp/extensions/{installed.registry_id}/debug")
    actor = local_actor(platform.account.tenant_id)
    async with platform.logged_in() as client:
        for page in pages:
            text = (await client.get(page)).text
            assert f"<code>holdfast config set {name} region=VALUE</code>" in text
            assert f"<code>holdfast secrets set {name} API_KEY</code>" in text
        await replace_config(platform.db, actor=actor, extension=installed.install_id, config={"region": "eu"})
        sealer = Sealer.from_settings(Settings(data_dir=platform.folder))
        await set_secrets(platform.db, sealer, actor=actor, extension=installed.install_id, values={"API_KEY": "a-value"})
        await sealer.close()
        for page in pages:
            assert "unset-values" not in (await client.get(page)).text


async def test_internal_users_without_the_permission_see_which_one_they_lack(platform: Platform) -> None:
    await add_user(platform.db, "new@holdfast.localhost", tenant_id=platform.account.tenant_id, password=PASSWORD)
    installed = await platform.install()
    async with platform.logged_in("new@holdfast.localhost", PASSWORD) as client:
        for path in ("/msp/dashboard", f"/msp/extensions/{installed.registry_id}/", f"/msp/extensions/{installed.registry_id}/debug"):
            response = await client.get(path)
            assert response.status_code == 403
            assert "extension:read" in response.text


async def test_client_users_see_only_extensions_that_opted_into_their_portal(platform: Platform) -> None:
    tenant_id = platform.account.tenant_id
    await add_user(platform.db, "client@holdfast.localhost", tenant_id=tenant_id, user_type="client", client=True, password=PASSWORD)
    inside = await platform.install(name="a", ui=with_label("Staff only"))
    hooks = {"appMenu": {"label": "Orders"}, "clientPortalMenu": {"label": "My orders"}}
    opted = await platform.install(name="b", ui={"type": "iframe", "entry": "ui/index.html", "hooks": hooks})
    async with platform.logged_in("client@holdfast.localhost", PASSWORD) as client:
        text = (await client.get("/", follow_redirects=True)).text
        address = f"/client-portal/extensions/{opted.registry_id}"
        assert f'href="{address}" data-automation-id="client-sidebar-extension-{opted.registry_id}"' in text
        assert "Staff only" not in text
        assert (await client.get(address)).status_code == 200
        assert (await client.get(f"/client-portal/extensions/{inside.registry_id}")).status_code == 404
        for path in ("/msp/dashboard", f"/msp/extensions/{opted.registry_id}/", f"/msp/extensions/{opted.registry_id}/debug"):
            assert (await client.get(path)).status_code == 403


async def test_internal_users_cannot_open_pages_of_the_portal(platform: Platform) -> None:
    hooks = {"clientPortalMenu": {"label": "My orders"}}
    opted = await platform.install(ui={"type": "iframe", "entry": "ui/index.html", "hooks": hooks})
    async with platform.logged_in() as client:
        assert (await client.get(f"/client-portal/extensions/{opted.registry_id}")).status_code == 404


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_the_banner_about_unsigned_bundles_is_shown_in_development_only(tmp_path: Path, environment: str) -> None:
    async with platform_at(tmp_path, environment=environment) as platform, platform.logged_in() as client:
        text = (await client.get("/msp/dashboard")).text
    assert ("dev-banner" in text) == (environment == "development")


async def test_a_public_base_on_another_origin_is_framed_and_probed_there(tmp_path: Path) -> None:
    async with platform_at(tmp_path, runner_public_base="https://apps.example.com/x") as platform, platform.logged_in() as client:
        installed = await platform.install()
        response = await client.get(f"/msp/extensions/{installed.registry_id}/")
    policy = response.headers["content-security-policy"]
    assert f"frame-src https://apps.example.com/x/ext-ui/{installed.registry_id}/sha256%3A" in policy
    assert "connect-src 'self' https://apps.example.com;" in policy


async def test_a_public_base_that_is_no_address_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConsoleUrlError):
        async with platform_at(tmp_path, runner_public_base="x; script-src *"):
            pass
