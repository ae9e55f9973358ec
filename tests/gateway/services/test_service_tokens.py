from __future__ import annotations

from typing import Any

import pytest

from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.http.service_tokens import KNOWN_DEFAULTS, is_same_token
from holdfast.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(**{"_env_file": None, **values})


def test_the_internal_token_is_the_storage_token_or_else_the_service_token() -> None:
    both = Tokens.from_settings(settings(runner_service_token="a", runner_storage_api_token="b"))
    assert (both.service, both.internal) == ("a", "b")
    one = Tokens.from_settings(settings(runner_service_token="a", runner_storage_api_token="  "))
    assert (one.service, one.internal) == ("a", "a")


def test_a_generated_token_is_used_only_if_none_is_configured() -> None:
    assert Tokens.from_settings(settings(), generated="generated").service == "generated"
    assert Tokens.from_settings(settings(runner_service_token="set"), generated="generated").service == "set"


def test_a_missing_token_prevents_the_start() -> None:
    with pytest.raises(GatewayError, match="No service token is configured") as raised:
        Tokens.from_settings(settings(runner_service_token=" "))
    assert raised.value.code == "insecure_token"


@pytest.mark.parametrize("default", sorted(KNOWN_DEFAULTS))
@pytest.mark.parametrize("name", ["runner_service_token", "runner_storage_api_token", "alga_auth_key"])
def test_a_published_default_works_in_development_only(default: str, name: str) -> None:
    values = {"runner_service_token": "long and random"} | {name: default}
    assert Tokens.from_settings(settings(environment="development", **values))
    with pytest.raises(GatewayError, match="published default"):
        Tokens.from_settings(settings(environment="production", **values))


@pytest.mark.parametrize("offered", [None, "", "wrong", "tokem", "token ", "tok\u00e9n"])
def test_any_other_token_is_rejected(offered: str | None) -> None:
    assert not is_same_token(offered, "token")
    assert not Tokens("service", "token").opens_internal(offered)


def test_a_token_that_is_not_configured_matches_nothing() -> None:
    assert not is_same_token("", "") and not is_same_token(None, None) and not is_same_token("x", None)
    assert not Tokens("s", "i", None).opens_lookups("", None)


def test_the_text_form_of_tokens_hides_them() -> None:
    assert "hidden" not in repr(Tokens("hidden1", "hidden2", "hidden3"))
