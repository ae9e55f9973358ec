"""InstallValidator: requests to the registry, and how long their results are cached."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from holdfast.contract.install_lookup import InstallAddress
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.settings import Settings
from tests.runner.conftest import Registry

HASH = "sha256:" + "ab" * 32


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_positive_result_is_cached_for_five_seconds_and_a_negative_one_never() -> None:
    registry, clock = Registry(), Clock()
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(registry.respond), now=clock)
    assert await validator.tenant_of("t", "e", HASH) is None
    registry.installed.add("t")
    assert await validator.tenant_of("t", "e", HASH) == "t"
    registry.installed.clear()
    clock.seconds += 4.9
    assert await validator.tenant_of("t", "e", HASH) == "t"
    clock.seconds += 0.2
    assert await validator.tenant_of("t", "e", HASH) is None
    assert len(registry.requests) == 3
    await validator.close()


async def test_the_request_is_sent_to_the_origin_with_the_keys() -> None:
    registry = Registry()
    validator = InstallValidator("http://registry:3000/some/path", {"x-api-key": "k"}, transport=httpx2.MockTransport(registry.respond))
    await validator.tenant_of("t&x=1", "e", HASH)
    sent = registry.requests[0]
    assert (sent.url.host, sent.url.port, sent.url.path) == ("registry", 3000, "/api/installs/validate")
    assert {name: value for name, value in sent.url.params.items() if name != "ts"} == {"extension": "e", "hash": HASH, "tenant": "t&x=1"}
    assert sent.url.params["ts"].isdigit()
    assert sent.headers["x-api-key"] == "k"
    await validator.close()


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(500, json={"valid": True}),
        httpx2.Response(302, headers={"location": "http://elsewhere/"}),
        httpx2.Response(200, content=b"not json"),
        httpx2.Response(200, json={"valid": "yes"}),
        httpx2.Response(200, json=[True]),
        httpx2.Response(200, content=b'{"valid": true, "x": "' + b"y" * 20_000 + b'"}'),
    ],
)
async def test_every_other_response_is_a_negative_result(response: httpx2.Response) -> None:
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(lambda request: response))
    assert await validator.tenant_of("t", "e", HASH) is None
    await validator.close()


async def test_without_a_registry_every_result_is_negative() -> None:
    validator = InstallValidator(None, {})
    assert await validator.tenant_of("t", "e", HASH) is None
    await validator.close()


async def test_the_key_and_the_token_come_from_the_settings() -> None:
    fields = {"_env_file": None, "registry_base_url": "http://127.0.0.1:9", "alga_auth_key": "key"}
    validator = InstallValidator.from_settings(Settings(**fields), "token")
    assert validator.headers["x-api-key"] == "key"
    assert validator.headers["x-runner-auth"] == "token"
    await validator.close()


class SlowRegistry:
    """Responds that every install is valid, once `go` is set."""

    def __init__(self) -> None:
        self.requests = 0
        self.arrived, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        self.arrived.set()
        await self.go.wait()
        return httpx2.Response(200, json={"valid": True})


async def test_equal_lookups_at_the_same_time_make_one_request() -> None:
    registry = SlowRegistry()
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(registry))
    lookups = [asyncio.create_task(validator.tenant_of("t", "e", HASH)) for _ in range(30)]
    other = asyncio.create_task(validator.tenant_of("u", "e", HASH))
    await registry.arrived.wait()
    registry.go.set()
    assert await asyncio.gather(*lookups) == ["t"] * 30
    assert await other == "u"
    assert registry.requests == 2
    await validator.close()


async def test_a_cancelled_caller_does_not_affect_the_others() -> None:
    registry = SlowRegistry()
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(registry))
    first, second = (asyncio.create_task(validator.tenant_of("t", "e", HASH)) for _ in range(2))
    await registry.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    registry.go.set()
    assert await second == "t"
    await validator.close()


async def test_closing_cancels_running_lookups() -> None:
    registry = SlowRegistry()
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(registry))
    lookup = asyncio.create_task(validator.tenant_of("t", "e", HASH))
    await registry.arrived.wait()
    await validator.close()
    with pytest.raises(asyncio.CancelledError):
        await lookup


async def test_the_install_of_a_host_is_not_cached() -> None:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, json={"tenant_id": "t", "extension_id": "e", "content_hash": HASH.upper(), "more": 1})

    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(respond))
    for _ in range(2):
        assert await validator.install_at("notes.example.com") == InstallAddress("t", "e", HASH)
    assert [request.url.params["host"] for request in requests] == ["notes.example.com"] * 2
    await validator.close()
