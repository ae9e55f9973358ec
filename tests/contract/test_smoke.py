"""SM-01 to SM-06: the contract's guest on the real engine, with the real host functions. Numbers as in section 7.1."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response

from holdfast.engine import Engine
from holdfast.world.capabilities import Capability
from tests.contract.guest import Loader, host_services
from tests.events.recording_server import RecordingServer
from tests.runner.conftest import EXTENSION, TENANT

PAYLOAD = b'{"limit":5}'


async def test_sm_01_executes_dynamic_component_in_process(engine: Engine, probe: Path) -> None:
    async with host_services() as host:
        status, headers, content = await Loader(engine, probe, host).execute("/dynamic/echo?foo=bar", body=PAYLOAD)
    # SM-01.1
    assert status == 200
    # SM-01.2
    assert (headers["content-type"], headers["x-generated-by"]) == ("application/json", "js-component")
    # SM-01.3
    assert content == {
        "ok": True,
        "tenantId": TENANT,
        "extensionId": EXTENSION,
        "method": "POST",
        "path": "/dynamic/echo?foo=bar",
        "echo": list(PAYLOAD),
    }


async def test_sm_02_executes_dynamic_component_with_secrets_capability(engine: Engine, probe: Path) -> None:
    async with host_services() as host:
        secrets = {"ALGA_API_KEY": "value-of-the-key", "OTHER": "value-of-another"}
        status, _, content = await Loader(engine, probe, host).execute("/dynamic/secrets", Capability.SECRETS_GET, secrets=secrets)
    # SM-02.1
    assert (status, content["ok"]) == (200, True)
    # SM-02.2
    assert content["secrets"]["value"] == "value-of-the-key"
    # SM-02.3
    assert sorted(content["secrets"]["keys"]) == ["ALGA_API_KEY", "OTHER"]
    # SM-02.4
    assert content["secrets"]["error"] is None


async def test_sm_03_secrets_capability_denied(engine: Engine, probe: Path) -> None:
    async with host_services() as host:
        status, _, content = await Loader(engine, probe, host).execute("/dynamic/secrets", secrets={"ALGA_API_KEY": "value-of-the-key"})
    # SM-03.1
    assert status == 200
    # SM-03.2
    assert content["ok"] is False
    # SM-03.3
    assert "denied" in content["secrets"]["error"].lower()
    assert (content["secrets"]["value"], content["secrets"]["keys"]) == (None, [])


async def test_sm_04_ui_proxy_capability_denied(engine: Engine, probe: Path, application: RecordingServer) -> None:
    async with host_services(ui_proxy_base_url=application.url) as host:
        status, _, content = await Loader(engine, probe, host).execute("/dynamic/ui-proxy", body=PAYLOAD)
    # SM-04.1
    assert (status, content["ok"]) == (200, False)
    # SM-04.2
    assert "denied" in content["proxy"]["error"].lower()
    assert application.requests == []


async def test_sm_05_ui_proxy_forwards_request(engine: Engine, probe: Path, application: RecordingServer) -> None:
    """UI_PROXY_AUTH_KEY is never sent: `x-runner-auth` opens the internal APIs, so a guest would have the rights of the service. The
    original's test expects the header, but its code does not send it. Here, code and test agree: no header."""
    application.answer = lambda _: Response(b"\x00pong\xff", media_type="application/octet-stream")
    settings = {"ui_proxy_base_url": f"{application.url}/api/ui-proxy", "ui_proxy_auth_key": "the-key", "ui_proxy_timeout_ms": 30_000}
    async with host_services(**settings) as host:
        status, _, content = await Loader(engine, probe, host).execute("/dynamic/ui-proxy", Capability.UI_PROXY, body=PAYLOAD)
    (seen,) = application.requests
    # SM-05.1
    assert (seen.method, seen.path) == ("POST", f"/api/ui-proxy/{EXTENSION}/proxy/ping")
    # SM-05.2
    assert (seen.header("x-alga-tenant"), seen.header("x-alga-extension")) == (TENANT, EXTENSION)
    # SM-05.3
    assert seen.header("x-request-id") == "request-1"
    # SM-05.4
    assert (seen.header("content-type"), seen.body) == ("application/json", PAYLOAD)
    # SM-05.5: ours, see above
    assert seen.header("x-runner-auth") is None
    assert not [value for _, value in seen.headers if value in ("the-key", "the-service-token")]
    # SM-05.6
    assert (status, content["ok"]) == (200, True)
    assert content["proxy"] == {"response": list(b"\x00pong\xff"), "error": None}


async def test_sm_06_ui_proxy_route_not_found_without_backend(engine: Engine, probe: Path, application: RecordingServer) -> None:
    application.reply({"error": "not found"}, 404)
    async with host_services(ui_proxy_base_url=application.url) as host:
        status, _, content = await Loader(engine, probe, host).execute("/dynamic/ui-proxy", Capability.UI_PROXY, body=PAYLOAD)
    # SM-06.1
    assert (status, content["ok"]) == (200, False)
    # SM-06.2
    assert "route-not-found" in content["proxy"]["error"]
