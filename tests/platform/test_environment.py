"""The settings that the platform passes to the runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.platform.environment import platform_settings, runner_environment
from holdfast.sealing.keyring import new_key_text
from holdfast.settings import SecretStr, Settings, load_settings

CONSOLE, RUNNER = "http://127.0.0.1:4000", "http://127.0.0.1:4001"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("RUNNER_SERVICE_TOKEN", "RUNNER_STORAGE_API_TOKEN", "ALGA_AUTH_KEY", "RUNNER_ALGA_AUTH_KEY", "HOLDFAST_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def settings_of(**given: object) -> Settings:
    return platform_settings(load_settings(**given), console=CONSOLE, runner=RUNNER)


def secret(value: SecretStr | None) -> str:
    assert value is not None
    return value.get_secret_value()


def test_tokens_are_long_and_new_for_every_run() -> None:
    one, other = settings_of(), settings_of()
    tokens = {secret(run.runner_service_token) for run in (one, other)} | {secret(run.alga_auth_key) for run in (one, other)}
    assert len(tokens) == 4
    assert min(map(len, tokens)) >= 40


def test_a_token_that_is_set_is_used() -> None:
    settings = settings_of(runner_service_token="chosen")
    assert secret(settings.runner_service_token) == secret(settings.runner_storage_api_token) == "chosen"


def test_the_runner_reads_the_settings_of_the_platform_from_its_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A file for the runner on its own must not lead the platform's runner elsewhere.
    (tmp_path / ".env.runner").write_text("RUNNER_REGISTRY_BASE_URL=http://elsewhere.test\nRUNNER_ALGA_AUTH_KEY=known\n")
    key = new_key_text()
    settings = settings_of(
        data_dir=Path("data"),
        signing_trust_bundle=Path("etc/keys.json"),
        environment="production",
        secrets_key=key,
        secrets_key_file=Path("etc/secrets.key"),
    )
    for name, value in runner_environment(settings, {}).items():
        monkeypatch.setenv(name, value)
    there = load_settings()
    assert there.registry_base_url == there.storage_api_base_url == CONSOLE
    assert there.ui_proxy_base_url == CONSOLE
    assert there.data_dir == tmp_path / "data"
    assert there.resolved_bundle_store == settings.resolved_bundle_store
    assert there.resolved_cache_root == settings.resolved_cache_root
    assert there.resolved_artifact_root == settings.resolved_artifact_root
    assert there.resolved_trust_store == tmp_path / "etc/keys.json"
    assert there.environment == "production"
    assert there.resolved_secrets_key_file == tmp_path / "etc/secrets.key"
    assert secret(there.secrets_key) == key
    assert secret(there.runner_service_token) == secret(settings.runner_service_token)
    assert secret(there.alga_auth_key) == secret(settings.alga_auth_key)


def test_the_environment_of_the_runner_has_no_database_address() -> None:
    result = runner_environment(settings_of(), {"DATABASE_URL": "x", "HOLDFAST_DATABASE_URL": "y", "PATH": "/bin"})
    assert "DATABASE_URL" not in result and "HOLDFAST_DATABASE_URL" not in result
    assert result["PATH"] == "/bin"


def test_an_application_that_the_operator_names_stays_the_one_of_ui_proxy() -> None:
    result = runner_environment(settings_of(ui_proxy_base_url="https://psa.example"), {"UI_PROXY_BASE_URL": "https://psa.example"})
    assert result["UI_PROXY_BASE_URL"] == "https://psa.example"
