from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import replace_config, set_enabled
from holdfast.registry.models.installs import TenantExtensionInstallSecrets
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.records.databases import OTHER_TENANT, TENANT

CONFIG = "/api/internal/ext-runner/install-config"
EVENTS = "/api/internal/ext-debug/events"
TOKEN = {"x-runner-auth": INTERNAL_TOKEN}


def event(**changes: Any) -> dict[str, Any]:
    return {"ts": 1, "level": "info", "stream": "log", "tenant_id": TENANT, "extension_id": "e", "message": "hello"} | changes


@pytest.mark.parametrize("url", [CONFIG, EVENTS, "/api/internal/ext-background/calls/x"])
@pytest.mark.parametrize("headers", [{}, {"x-runner-auth": "wrong"}, {"authorization": f"Bearer {INTERNAL_TOKEN}"}])
async def test_the_internal_apis_need_the_internal_token(platform: Platform, url: str, headers: dict[str, str]) -> None:
    response = await platform.http.post(url, json={}, headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized")


@pytest.mark.parametrize("url", [CONFIG, EVENTS])
async def test_the_internal_apis_accept_only_post(platform: Platform, url: str) -> None:
    assert (await platform.http.get(url, headers=TOKEN)).status_code == 405


async def test_an_install_configuration_is_complete(platform: Platform) -> None:
    version = await replace_config(platform.db, actor=local_actor(TENANT), extension="com.example.notes", config={"n": 1})
    async with platform.db.transaction() as session:
        session.add(
            TenantExtensionInstallSecrets(
                install_id=platform.installed.install_id,
                tenant_id=TENANT,
                ciphertext="c2VhbGVk",
                algorithm="aes-gcm",
                version="3",
                transit_key="k",
                transit_mount="m",
                expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            )
        )
    for extension in (platform.installed.install_id, platform.installed.registry_id, "acme.com.example.notes"):
        response = await platform.http.post(CONFIG, json={"tenantId": TENANT, "extensionId": extension}, headers=TOKEN)
        shape = response.json()
        assert response.status_code == 200
        assert datetime.fromisoformat(shape.pop("updatedAt"))
        assert shape == {
            "tenantId": TENANT,
            "extensionSlug": "acme.com.example.notes",
            "installId": platform.installed.install_id,
            "versionId": platform.installed.version_id,
            "registryId": platform.installed.registry_id,
            "contentHash": platform.installed.content_hash,
            "config": {"n": "1"},
            "providers": ["cap:context.read", "cap:http.fetch", "cap:log.emit", "cap:storage.kv", "cap:user.read"],
            "egress": ["api.example.com"],
            "configVersion": version,
            "secretsVersion": "3",
            "secretEnvelope": {
                "ciphertext_b64": "c2VhbGVk",
                "algorithm": "aes-gcm",
                "key_path": "k",
                "mount": "m",
                "version": "3",
                "expires_at": "2030-01-01T00:00:00+00:00",
            },
        }


@pytest.mark.parametrize("body", [{}, {"tenantId": TENANT}, {"tenantId": "", "extensionId": "x"}, {"tenantId": 1, "extensionId": "x"}, []])
async def test_an_incomplete_request_is_invalid(platform: Platform, body: Any) -> None:
    response = await platform.http.post(CONFIG, json=body, headers=TOKEN)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_malformed_json_is_an_invalid_request(platform: Platform) -> None:
    response = await platform.http.post(CONFIG, content=b"{", headers=TOKEN)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_a_disabled_or_foreign_install_has_no_configuration(platform: Platform) -> None:
    foreign = await platform.http.post(CONFIG, json={"tenantId": OTHER_TENANT, "extensionId": platform.installed.install_id}, headers=TOKEN)
    assert (foreign.status_code, foreign.json()["error"]) == (404, "install_not_found")
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="com.example.notes", enabled=False)
    disabled = await platform.http.post(CONFIG, json={"tenantId": TENANT, "extensionId": "com.example.notes"}, headers=TOKEN)
    assert (disabled.status_code, disabled.json()["error"]) == (404, "install_not_found")


async def test_events_of_the_runner_reach_the_stream(platform: Platform) -> None:
    batch = {"events": [event(message="one"), event(message="two", install_id="i"), event(tenant_id="", message="without a tenant")]}
    response = await platform.http.post(EVENTS, json=batch, headers=TOKEN)
    assert (response.status_code, response.json()) == (202, {"accepted": 3})
    assert [found.message for _, found in await platform.services.events.tail(TENANT, "e", 10)] == ["one", "two"]


@pytest.mark.parametrize("batch", [{}, {"events": [{}]}, {"events": "x"}, {"events": [event(level="loud")]}, {"events": [event()] * 2_001}])
async def test_an_invalid_batch_is_rejected_as_a_whole(platform: Platform, batch: Any) -> None:
    response = await platform.http.post(EVENTS, json=batch, headers=TOKEN)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert await platform.services.events.tail(TENANT, "e", 10) == []
