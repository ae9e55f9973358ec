"""How the registry is asked about installs."""

from __future__ import annotations

import httpx2
import pytest

from holdfast.runner.validation import InstallValidator
from holdfast.settings import Settings
from tests.runner.conftest import Registry

HASH = "sha256:" + "ab" * 32


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_yes_is_remembered_for_five_seconds_and_a_no_never() -> None:
    registry, clock = Registry(), Clock()
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(registry.answer), now=clock)
    assert await validator.tenant_of("t", "e", HASH) is None
    registry.installed.add("t")
    assert await validator.tenant_of("t", "e", HASH) == "t"
    registry.installed.clear()
    clock.seconds += 4.9
    assert await validator.tenant_of("t", "e", HASH) == "t"
    clock.seconds += 0.2
    assert await validator.tenant_of("t", "e", HASH) is None
    assert len(registry.asked) == 3
    await validator.close()


async def test_the_question_goes_to_the_origin_with_the_keys() -> None:
    registry = Registry()
    validator = InstallValidator("http://registry:3000/some/path", {"x-api-key": "k"}, transport=httpx2.MockTransport(registry.answer))
    await validator.tenant_of("t&x=1", "e", HASH)
    asked = registry.asked[0]
    assert (asked.url.host, asked.url.port, asked.url.path) == ("registry", 3000, "/api/installs/validate")
    assert {name: value for name, value in asked.url.params.items() if name != "ts"} == {"extension": "e", "hash": HASH, "tenant": "t&x=1"}
    assert asked.url.params["ts"].isdigit()
    assert asked.headers["x-api-key"] == "k"
    await validator.close()


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(500, json={"valid": True}),
        httpx2.Response(302, headers={"location": "http://elsewhere/"}),
        httpx2.Response(200, content=b"not json"),
        httpx2.Response(200, json={"valid": "yes"}),
        httpx2.Response(200, json=[True]),
        httpx2.Response(200, content=b'{"valid": true, "x": "' + b"y" * 20_000 + b'"}'),
    ],
)
async def test_every_other_answer_is_a_no(answer: httpx2.Response) -> None:
    validator = InstallValidator("http://registry", {}, transport=httpx2.MockTransport(lambda request: answer))
    assert await validator.tenant_of("t", "e", HASH) is None
    await validator.close()


async def test_without_a_registry_every_answer_is_a_no() -> None:
    validator = InstallValidator(None, {})
    assert await validator.tenant_of("t", "e", HASH) is None
    await validator.close()


async def test_the_key_and_the_token_come_from_the_settings() -> None:
    fields = {"_env_file": None, "registry_base_url": "http://127.0.0.1:9", "alga_auth_key": "key"}
    validator = InstallValidator.from_settings(Settings(**fields), "token")  # type: ignore[arg-type]
    assert validator.headers["x-api-key"] == "key"
    assert validator.headers["x-runner-auth"] == "token"
    await validator.close()
