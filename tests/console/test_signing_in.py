"""Logging in and out."""

from __future__ import annotations

import pytest

from holdfast.console.attempts import PER_ACCOUNT
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from tests.console.platform import ORIGIN, PASSWORD, Platform, post_login
from tests.records.databases import add_user


async def test_the_login_page_asks_for_email_and_password(platform: Platform) -> None:
    async with platform.client() as client:
        answer = await client.get("/login", params={"next": '/msp/dashboard?a="><script>'})
    assert answer.status_code == 200
    assert 'autocomplete="current-password"' in answer.text
    assert "<script>" not in answer.text
    assert "/msp/dashboard?a=" in answer.text


async def test_a_page_sends_strangers_to_the_login_page_and_back(platform: Platform) -> None:
    async with platform.client() as client:
        answer = await client.get("/msp/extensions/x/?path=/a")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fmsp%2Fextensions%2Fx%2F%3Fpath%3D%2Fa"
        entered = await post_login(client, platform.account.email, platform.account.password, next="/msp/extensions/x/?path=/a")
        assert entered.status_code == 303
        assert entered.headers["location"] == "/msp/extensions/x/?path=/a"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(platform: Platform) -> None:
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
async def test_next_leads_nowhere_but_into_the_console(platform: Platform, target: str) -> None:
    async with platform.client() as client:
        entered = await post_login(client, platform.account.email, platform.account.password, next=target)
    assert entered.headers["location"] == "/"


@pytest.mark.parametrize(
    ("email", "password"), [("admin@holdfast.localhost", "pass-9137"), ("nobody@holdfast.localhost", "pass-9137"), ("a", "9137" * 500)]
)
async def test_a_wrong_password_is_refused_without_saying_what_was_wrong(platform: Platform, email: str, password: str) -> None:
    async with platform.client() as client:
        answer = await post_login(client, email, password)
    assert answer.status_code == 401
    assert "The email address or the password is wrong." in answer.text
    assert 'role="alert"' in answer.text
    assert f'value="{email}"' in answer.text
    assert password not in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_form_that_is_not_the_login_form_is_refused(platform: Platform) -> None:
    async with platform.client() as client:
        blank = await post_login(client, "  ", "x")
        as_json = await client.post("/login", json={"email": "a", "password": "b"}, headers={"origin": ORIGIN})
        huge = await post_login(client, "a", "x" * 20_000)
    assert (blank.status_code, as_json.status_code, huge.status_code) == (400, 400, 413)


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("origin", [None, "null", "http://evil.test", "https://console.test", "http://console.test:81"])
async def test_forms_of_other_sites_are_refused(platform: Platform, path: str, origin: str | None) -> None:
    async with platform.signed_in() as client:
        account = platform.account
        headers = {"origin": origin} if origin else {}
        answer = await client.post(path, data={"email": account.email, "password": account.password}, headers=headers)
        assert answer.status_code == 403
        assert "came from another site" in answer.text
        assert (await client.get("/msp/dashboard")).status_code == 200


async def test_logging_out_ends_the_session_for_good(platform: Platform) -> None:
    async with platform.signed_in() as client:
        token = client.cookies[SESSION_COOKIE]
        answer = await client.post("/logout", headers={"origin": ORIGIN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert SESSION_COOKIE not in client.cookies
        client.cookies.set(SESSION_COOKIE, token)
        assert (await client.get("/msp/dashboard")).status_code == 303


async def test_each_login_makes_a_new_session_and_ends_the_old_one(platform: Platform) -> None:
    async with platform.signed_in() as client:
        before = client.cookies[SESSION_COOKIE]
        await post_login(client, platform.account.email, platform.account.password)
        assert client.cookies[SESSION_COOKIE] != before
        client.cookies.clear()
        client.cookies.set(SESSION_COOKIE, before)
        assert (await client.get("/msp/dashboard")).status_code == 303


async def test_guessing_is_slowed_down_for_the_guesser_alone(platform: Platform) -> None:
    await add_user(platform.db, "other@holdfast.localhost", password=PASSWORD)
    async with platform.client() as client:
        for _ in range(PER_ACCOUNT):
            assert (await post_login(client, platform.account.email, "wrong")).status_code == 401
        closed = await post_login(client, platform.account.email, platform.account.password)
        assert closed.status_code == 429
        assert int(closed.headers["retry-after"]) > 800
        assert (await post_login(client, "other@holdfast.localhost", PASSWORD)).status_code == 303
