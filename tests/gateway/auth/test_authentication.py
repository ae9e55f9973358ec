from __future__ import annotations

import pytest

from holdfast.records.api_keys import revoke_api_keys
from holdfast.records.sessions import create_session
from tests.gateway.platform import ORIGIN, Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user

NOTES = "/api/ext/com.example.notes/notes"


async def rejected(platform: Platform, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
    response = await platform.http.request(method, NOTES, headers=headers)
    assert platform.runner.requests == []
    return response.status_code, response.json()["error"]


async def test_a_call_without_credentials_is_rejected(platform: Platform) -> None:
    assert await rejected(platform, {}) == (401, "unauthenticated")


async def test_neither_a_tenant_header_nor_a_service_token_authenticates_a_caller(platform: Platform) -> None:
    assert await rejected(platform, {"x-alga-tenant": TENANT}) == (401, "unauthenticated")
    assert await rejected(platform, {"x-runner-auth": platform.services.tokens.internal}) == (401, "unauthenticated")
    assert await rejected(platform, {"x-api-key": platform.services.tokens.service}) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer hf_unknown"},
        {"authorization": "Bearer"},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer " + "x" * 5_000},
        {"x-api-key": ""},
        {"x-api-key": "hf_unknown"},
        {"cookie": "holdfast_session=unknown"},
        {"cookie": "holdfast_session="},
    ],
)
async def test_an_invalid_credential_is_rejected(platform: Platform, headers: dict[str, str]) -> None:
    assert await rejected(platform, headers) == (401, "unauthenticated")


async def test_a_key_is_accepted_in_either_header_and_a_session_token_in_authorization(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    key = (await platform.key_of(user))["authorization"].removeprefix("Bearer ")
    token, _ = await create_session(platform.db, user)
    for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"authorization": f"bearer {token}"}):
        assert (await platform.http.get(NOTES, headers=headers)).status_code == 200


async def test_a_bad_token_is_rejected_even_with_a_valid_cookie(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    headers = {**await platform.cookie_of(user), "authorization": "Bearer hf_unknown"}
    assert await rejected(platform, headers) == (401, "unauthenticated")


async def test_two_different_tokens_are_rejected(platform: Platform) -> None:
    headers = {**await platform.admin(), "x-api-key": "hf_other"}
    assert await rejected(platform, headers) == (401, "mixed_auth")


async def test_a_revoked_key_is_rejected(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    headers = await platform.key_of(user, description="laptop")
    await revoke_api_keys(platform.db, tenant_id=TENANT, user_id=user.user_id, description="laptop")
    assert await rejected(platform, headers) == (401, "unauthenticated")


@pytest.mark.parametrize("header", ["x-alga-tenant", "x-tenant-id"])
async def test_a_tenant_header_must_name_the_callers_tenant(platform: Platform, header: str) -> None:
    admin = await platform.admin()
    assert (await platform.http.get(NOTES, headers={**admin, header: TENANT})).status_code == 200
    platform.runner.requests.clear()
    for other in (OTHER_TENANT, "", "x"):
        assert await rejected(platform, {**admin, header: other}) == (403, "tenant_mismatch")


async def test_two_tenant_headers_that_differ_are_rejected(platform: Platform) -> None:
    headers = {**await platform.admin(), "x-alga-tenant": TENANT, "x-tenant-id": OTHER_TENANT}
    assert await rejected(platform, headers) == (403, "tenant_mismatch")


async def test_an_internal_user_who_is_also_a_contact_is_rejected(platform: Platform) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True, client=True)
    assert await rejected(platform, await platform.key_of(user)) == (401, "invalid_session")


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.test", "https://gateway.test", "http://gateway.test:81", "http://gateway.test.evil"]
)
async def test_a_browser_can_write_only_from_a_page_of_the_same_origin(platform: Platform, origin: str | None) -> None:
    cookie = await platform.cookie_of(await add_user(platform.db, "ada@example.com", admin=True))
    headers = cookie if origin is None else {**cookie, "origin": origin}
    assert await rejected(platform, headers, "POST") == (403, "origin_mismatch")


async def test_a_browser_on_the_same_origin_can_write_and_can_read_without_an_origin_header(platform: Platform) -> None:
    cookie = await platform.cookie_of(await add_user(platform.db, "ada@example.com", admin=True))
    assert (await platform.http.post(NOTES, headers={**cookie, "origin": ORIGIN})).status_code == 200
    assert (await platform.http.get(NOTES, headers=cookie)).status_code == 200
    platform.runner.requests.clear()
    assert await rejected(platform, {**cookie, "origin": "null"}) == (403, "origin_mismatch")


async def test_a_program_with_a_key_needs_no_origin(platform: Platform) -> None:
    headers = {**await platform.admin(), "origin": "http://elsewhere.test"}
    assert (await platform.http.post(NOTES, headers=headers)).status_code == 200


async def test_no_response_has_cors_headers(platform: Platform) -> None:
    headers = {**await platform.admin(), "origin": "http://elsewhere.test"}
    response = await platform.http.get(NOTES, headers=headers)
    assert not [name for name in response.headers if name.startswith("access-control-")]
    preflight = await platform.http.options(NOTES, headers={"origin": "http://elsewhere.test", "access-control-request-method": "POST"})
    assert preflight.status_code == 204
    assert not [name for name in preflight.headers if name.startswith("access-control-")]
