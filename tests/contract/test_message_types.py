"""The JSON that gateway and runner exchange, as the types of `holdfast.contract` write and read it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from holdfast.contract.execute import Envelope, ExecuteCall, ExecuteContext, ExecuteHttp, ExecuteLimits, ExecuteUser
from holdfast.contract.install_config import InstallConfig
from holdfast.contract.secret_envelope import SecretEnvelope

CONTEXT = ExecuteContext(tenant_id="t", extension_id="e", content_hash="sha256:ab", request_id="r", install_id="i", version_id="v")


def test_a_request_has_the_fields_that_runners_expect_and_no_others() -> None:
    user = ExecuteUser(user_id="u", user_email="u@x", user_name="U", user_type="internal")
    http = ExecuteHttp(method="GET", path="/", url="/")
    call = ExecuteCall(context=CONTEXT, http=http, limits=ExecuteLimits(timeout_ms=1), endpoint="GET /", user=user)
    assert msgspec.to_builtins(call) == {
        "context": {
            "tenant_id": "t",
            "extension_id": "e",
            "content_hash": "sha256:ab",
            "request_id": "r",
            "install_id": "i",
            "version_id": "v",
            "config": {},
            "egress": [],
        },
        "http": {"method": "GET", "path": "/", "url": "/", "query": {}, "headers": {}},
        "limits": {"timeout_ms": 1},
        "providers": [],
        "endpoint": "GET /",
        "user": {"user_id": "u", "user_email": "u@x", "user_name": "U", "user_type": "internal"},
    }


def test_a_request_is_read_as_it_was_written() -> None:
    call = ExecuteCall(
        context=CONTEXT,
        http=ExecuteHttp(method="POST", path="/a", url="/a?b=1", query={"b": ["1", "2"]}, headers=[("x", "1")], body_b64="YQ=="),
        secret_envelope=SecretEnvelope(ciphertext_b64="", algorithm="vault-transit:v1"),
        providers=["cap:log.emit"],
        user=ExecuteUser(user_id="u", user_email="u@x", user_name="U", user_type="internal"),
    )
    assert msgspec.json.decode(msgspec.json.encode(call), type=ExecuteCall) == call


def test_a_request_with_unknown_fields_at_any_level_is_read() -> None:
    text = (
        b'{"new":1,"context":{"tenant_id":"t","extension_id":"e","content_hash":"sha256:ab","new":1,'
        b'"request_id":"r","install_id":"i","version_id":"v"},'
        b'"http":{"method":"GET","path":"/","new":1}}'
    )
    assert msgspec.json.decode(text, type=ExecuteCall).context == CONTEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"status":200,"headers":{"a":["1","2"],"b":"3"}}', [("a", "1"), ("a", "2"), ("b", "3")]),
        (b'{"status":200,"headers":{"a":"1, 2"},"header_list":[["a","1"],["a","2"]]}', [("a", "1"), ("a", "2")]),
        (b'{"status":200,"headers":{"a":"1"},"header_list":null,"failure":null}', [("a", "1")]),
    ],
    ids=["a map with lists", "a list of pairs", "null in place of a list"],
)
def test_header_pairs_lists_repeated_headers_of_any_runner_one_by_one(text: bytes, expected: list[tuple[str, str]]) -> None:
    assert msgspec.json.decode(text, type=Envelope).header_pairs() == expected


def test_a_response_body_is_base64_in_json() -> None:
    written = msgspec.json.encode(Envelope(status=200, body_b64=b"\x00a"))
    assert msgspec.json.decode(written)["body_b64"] == "AGE="
    assert msgspec.json.decode(written, type=Envelope).body_b64 == b"\x00a"


def test_an_install_configuration_is_written_in_camel_case_and_its_envelope_is_not() -> None:
    config = InstallConfig(
        tenant_id="t",
        extension_slug="p.n",
        install_id="i",
        version_id="v",
        registry_id="r",
        content_hash=None,
        config={},
        providers=[],
        egress=[],
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        secret_envelope=SecretEnvelope(ciphertext_b64="x", key_path="k"),
    )
    assert msgspec.to_builtins(config) == {
        "tenantId": "t",
        "extensionSlug": "p.n",
        "installId": "i",
        "versionId": "v",
        "registryId": "r",
        "contentHash": None,
        "config": {},
        "providers": [],
        "egress": [],
        "updatedAt": "2026-01-01T00:00:00Z",
        "secretEnvelope": {"ciphertext_b64": "x", "key_path": "k"},
    }
