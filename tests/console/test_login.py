"""Logging in and out."""

from __future__ import annotations

import pytest

from holdfast.console.login_rate_limit import MAX_FAILURES_PER_ACCOUNT, WINDOW_SECONDS
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from tests.console.platform import ORIGIN, PASSWORD, Platform, post_login
from tests.records.databases import add_user


async def test_the_login_page_has_fields_for_email_and_password(platform: Platform) -> None:
    async with platform.client() as client:
        response = await client.get("/login", params={"next": '/msp/dashboard?a="><script>'})
    assert response.status_code == 200
    assert 'autocomplete="current-password"' in response.text
    assert "<script>" not in response.text
    assert "/msp/dashboard?a=" in response.text


async def test_a_page_redirects_to_login_and_login_redirects_back(platform: Platform) -> None:
    async with platform.client() as client:
        response = await client.get("/msp/extensions/x/?path=/a")
        assert response.status_code == 303
        assert response.headers["location"] == "/login?next=%2Fmsp%2Fextensions%2Fx%2F%3Fpath%3D%2Fa"
        response = await post_login(client, platform.account.email, platform.account.password, next="/msp/extensions/x/?path=/a")
        assert response.status_code == 303
        assert response.headers["location"] == "/msp/extensions/x/?path=/a"


async def test_scripts_and_other_sites_cannot_use_the_session_cookie(platform: Platform) -> None:
    async with platform.client() as client:
        cookie = (await post_login(client, platform.account.email, platform.account.password)).headers["set-cookie"].lower()
        assert cookie.startswith(f"{SESSION_COOKIE}=")
        assert {"httponly", "samesite=lax", "path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "secure" not in cookie
        secure = await client.post(
            "https://console.test/login",
            data={"email": platform.account.email, "password": platform.account.password},
            headers={"origin": "https://console.test"},
        )
        assert "; secure" in secure.headers["set-cookie"].lower()


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
async def test_login_redirects_only_to_pages_of_the_console(platform: Platform, target: str) -> None:
    async with platform.client() as client:
        response = await post_login(client, platform.account.email, platform.account.password, next=target)
    assert response.headers["location"] == "/"


@pytest.mark.parametrize(
    ("email", "password"), [("admin@holdfast.localhost", "pass-9137"), ("unknown@holdfast.localhost", "pass-9137"), ("a", "9137" * 500)]
)
async def test_a_wrong_login_does_not_reveal_whether_the_account_exists(platform: Platform, email: str, password: str) -> None:
    async with platform.client() as client:
        response = await post_login(client, email, password)
    assert response.status_code == 401
    assert "The email address or the password is wrong." in response.text
    assert 'role="alert"' in response.text
    assert f'value="{email}"' in response.text
    assert password not in response.text
    assert "set-cookie" not in response.headers


async def test_an_incomplete_or_oversized_login_form_is_rejected(platform: Platform) -> None:
    async with platform.client() as client:
        blank = await post_login(client, "  ", "x")
        as_json = await client.post("/login", json={"email": "a", "password": "b"}, headers={"origin": ORIGIN})
        huge = await post_login(client, "a", "x" * 20_000)
    assert (blank.status_code, as_json.status_code, huge.status_code) == (400, 400, 413)


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("origin", [None, "null", "http://evil.test", "https://console.test", "http://console.test:81"])
async def test_forms_from_other_sites_are_rejected(platform: Platform, path: str, origin: str | None) -> None:
    async with platform.logged_in() as client:
        account = platform.account
        headers = {"origin": origin} if origin else {}
        response = await client.post(path, data={"email": account.email, "password": account.password}, headers=headers)
        assert response.status_code == 403
        assert "came from another site" in response.text
        assert (await client.get("/msp/dashboard")).status_code == 200


async def test_logout_ends_the_session(platform: Platform) -> None:
    async with platform.logged_in() as client:
        token = client.cookies[SESSION_COOKIE]
        response = await client.post("/logout", headers={"origin": ORIGIN})
        assert (response.status_code, response.headers["location"]) == (303, "/login")
        assert SESSION_COOKIE not in client.cookies
        client.cookies.set(SESSION_COOKIE, token)
        assert (await client.get("/msp/dashboard")).status_code == 303


async def test_each_login_creates_a_session_and_ends_the_previous_one(platform: Platform) -> None:
    async with platform.logged_in() as client:
        before = client.cookies[SESSION_COOKIE]
        await post_login(client, platform.account.email, platform.account.password)
        assert client.cookies[SESSION_COOKIE] != before
        client.cookies.clear()
        client.cookies.set(SESSION_COOKIE, before)
        assert (await client.get("/msp/dashboard")).status_code == 303


async def test_a_guesser_must_wait_and_other_accounts_need_not(platform: Platform) -> None:
    await add_user(platform.db, "other@holdfast.localhost", password=PASSWORD)
    async with platform.client() as client:
        for _ in range(MAX_FAILURES_PER_ACCOUNT):
            assert (await post_login(client, platform.account.email, "wrong")).status_code == 401
        limited = await post_login(client, platform.account.email, platform.account.password)
        assert limited.status_code == 429
        # The wait began with the first failure, and the attempts have taken some of it.
        assert 0 < int(limited.headers["retry-after"]) <= WINDOW_SECONDS / MAX_FAILURES_PER_ACCOUNT
        assert (await post_login(client, "other@holdfast.localhost", PASSWORD)).status_code == 303
