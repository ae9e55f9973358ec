"""The table of settings: documented, read with and without prefix, with clear errors for invalid values and misspelt variables."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from holdfast.settings import SecretStr, SettingInvalid, Settings, load_settings
from holdfast.settings.misspelt import UnknownVariable, unknown_variables
from holdfast.settings.origins import MASK, configuration
from holdfast.settings.settings import GROUPS, InvalidSettings, type_of
from holdfast.settings.table.reading import read_value

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", Settings.fields)
def test_every_setting_has_a_variable_and_a_meaning(name: str) -> None:
    field = Settings.fields[name]
    assert field.variables
    assert field.description and field.description.endswith(".")


def test_no_variable_belongs_to_two_settings() -> None:
    seen: list[str] = []
    for field in Settings.fields.values():
        seen += field.variables
    assert len(seen) == len(set(seen))


def test_the_runners_variables_are_read_with_and_without_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_BUNDLE_STORE_BASE", "/prefixed")
    assert Settings().bundle_store_base == "/prefixed"
    monkeypatch.setenv("BUNDLE_STORE_BASE", "/plain")
    assert Settings().bundle_store_base == "/plain"


CONTRACT = re.findall(
    r"[A-Z0-9_]+",
    """
PORT RUST_LOG ALGA_AUTH_KEY ALGA_AUTH_KEY_FILE REGISTRY_BASE_URL BUNDLE_STORE_BASE EXT_CACHE_ROOT EXT_CACHE_MAX_BYTES
EXT_STATIC_STRICT_VALIDATION EXT_STATIC_MAX_FILE_BYTES EXT_UI_CONTENT_SECURITY_POLICY EXT_UI_FRAME_ANCESTORS EXT_EGRESS_ALLOWLIST
UI_PROXY_BASE_URL UI_PROXY_AUTH_KEY UI_PROXY_TIMEOUT_MS STORAGE_API_BASE_URL RUNNER_STORAGE_API_TOKEN RUNNER_SERVICE_TOKEN
S3_ACCESS_KEY MINIO_ACCESS_KEY S3_SECRET_KEY MINIO_SECRET_KEY S3_REGION VAULT_ADDR ALGA_VAULT_ADDR ALGA_VAULT_TOKEN_FILE VAULT_NAMESPACE
ALGA_VAULT_TRANSIT_MOUNT RUNNER_DEBUG_REDIS_URL RUNNER_DEBUG_REDIS_PASSWORD RUNNER_DEBUG_REDIS_STREAM_PREFIX RUNNER_DEBUG_REDIS_MAXLEN
RUNNER_DEBUG_MAX_EVENT_BYTES WASM_POOL_TOTAL_COMPONENTS RUNNER_DOCKER_PORT RUNNER_STATIC_STRICT_VALIDATION EXT_GATEWAY_TIMEOUT_MS
""",
)
"""The variables that the existing runner reads, and those of the guide's tables."""

FOR_THE_GATEWAY = {"RUNNER_BACKEND", "RUNNER_BASE_URL", "RUNNER_DOCKER_HOST", "RUNNER_PUBLIC_BASE"}
"""They speak of the runner: without the prefix they would speak of something else."""


def test_every_variable_of_the_contract_and_the_guide_is_read_with_and_without_prefix() -> None:
    read = {variable for field in Settings.fields.values() for variable in field.variables}
    assert read >= FOR_THE_GATEWAY
    for variable in CONTRACT:
        plain = variable.removeprefix("RUNNER_")
        assert f"RUNNER_{plain}" in read, variable
        assert plain in read or variable == "RUNNER_DOCKER_PORT", variable


def test_a_file_in_the_folder_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env.runner").write_text("EXT_GATEWAY_TIMEOUT_MS=1000\nRUNNER_SERVICE_TOKEN=from-the-file\n")
    settings = Settings()
    assert settings.gateway_timeout_ms == 1_000
    assert settings.runner_service_token is not None and settings.runner_service_token.get_secret_value() == "from-the-file"
    monkeypatch.setenv("EXT_GATEWAY_TIMEOUT_MS", "2000")
    assert Settings().gateway_timeout_ms == 2_000


def test_secrets_do_not_show_in_a_settings_object(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_SERVICE_TOKEN", "hunter2")
    monkeypatch.setenv("ALGA_AUTH_KEY", "hunter2")
    assert "hunter2" not in repr(Settings())


@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "70000"), ("EXT_GATEWAY_TIMEOUT_MS", "soon"), ("HOLDFAST_ENVIRONMENT", "staging")]
)
def test_an_invalid_value_is_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings, match=variable):
        Settings()


def test_the_example_of_the_file_names_variables_that_are_read_and_can_be_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    example = (DOCS.parent / ".env.runner.example").read_text()
    known = {variable for field in Settings.fields.values() for variable in field.variables}
    named = re.findall(r"^(?:# )?([A-Z0-9_]+)=", example, re.M)
    assert named and set(named) <= known
    monkeypatch.chdir(tmp_path)
    for text in (example, re.sub(r"^# ([A-Z0-9_]+=)", r"\1", example, flags=re.M)):
        (tmp_path / ".env.runner").write_text(text)
        settings = Settings()
        assert settings.registry_base_url == "http://localhost:3000"
    assert settings.bundle_store_base == "http://localhost:4569/extensions"


def test_every_setting_belongs_to_one_group_and_settings_are_in_the_order_of_the_groups() -> None:
    assert [name for group in GROUPS for name in group.own_fields()] == [*Settings.fields]


def test_a_variable_of_the_environment_overrides_every_variable_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env.runner").write_text("BUNDLE_STORE_BASE=/file\n")
    monkeypatch.setenv("RUNNER_BUNDLE_STORE_BASE", "/environment")
    assert Settings().bundle_store_base == "/environment"
    assert Settings(bundle_store_base="/argument").bundle_store_base == "/argument"
    monkeypatch.setenv("RUNNER_BUNDLE_STORE_BASE", "")
    assert Settings().bundle_store_base == "/file"
    assert Settings(_env_file=None).bundle_store_base is None


def test_an_invalid_value_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env.runner").write_text("EXT_GATEWAY_TIMEOUT_MS=soon\n")
    with pytest.raises(SettingInvalid, match=r"EXT_GATEWAY_TIMEOUT_MS='soon' \(\.env\.runner\) is invalid: .*integer") as failed:
        load_settings()
    assert failed.value.details["issues"][0]["value"] == "soon"
    monkeypatch.setenv("EXT_GATEWAY_TIMEOUT_MS", "1000")
    with pytest.raises(SettingInvalid, match=r"port=70000 \(command line\)|port='70000' \(command line\)"):
        load_settings(port=70_000)


@pytest.mark.parametrize("variable", ["REGISTRY_BASE_URL", "RUNNER_BASE_URL"])
def test_an_invalid_address_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    monkeypatch.chdir(tmp_path)
    for address in ("ftp://user:hunter2@example.com", "user:hunter2@example.com", "http://user:hunter2@[bad"):
        monkeypatch.setenv(variable, address)
        with pytest.raises(SettingInvalid, match=variable) as failed:
            load_settings()
        assert "hunter2" not in str(failed.value) + str(failed.value.to_json()) + repr(failed.value.__cause__)


def test_a_misspelt_variable_is_found_with_the_likely_right_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("HOLDFAST_", "RUNNER_"))]:
        monkeypatch.delenv(name)
    assert list(unknown_variables()) == []
    monkeypatch.setenv("RUNNER_SERVICE_TOKN", "secret")
    monkeypatch.setenv("HOLDFAST_SERVER", "http://localhost:3000")
    monkeypatch.setenv("HOLDFAST_SOMETHING_ELSE_ENTIRELY", "1")
    (tmp_path / ".env.runner").write_text("EXT_EGRES_ALLOWLIST=a.example\nRUNNER_PORT=1\n")
    assert list(unknown_variables()) == [
        UnknownVariable("EXT_EGRES_ALLOWLIST", ".env.runner", "EXT_EGRESS_ALLOWLIST"),
        UnknownVariable("HOLDFAST_SOMETHING_ELSE_ENTIRELY", "environment", None),
        UnknownVariable("RUNNER_SERVICE_TOKN", "environment", "RUNNER_SERVICE_TOKEN"),
    ]


def test_several_runners_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_BASE_URL", "http://a:1, https://b/base")
    assert Settings(_env_file=None).resolved_runner_base_url == "http://a:1,https://b/base"
    monkeypatch.setenv("RUNNER_BASE_URL", "http://a:1,b")
    with pytest.raises(InvalidSettings, match="http:// or https:// address"):
        Settings(_env_file=None)


def test_each_of_several_addresses_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_BASE_URL", "http://u:first@a:1,http://u:second@b,http://c")
    (shown,) = [row.value for row in configuration(Settings(_env_file=None), {}) if row.name == "runner_base_url"]
    assert shown == f"http://u:{MASK}@a:1,http://u:{MASK}@b,http://c"


@pytest.mark.parametrize("name", Settings.fields)
def test_every_default_is_a_value_that_the_setting_would_accept(name: str) -> None:
    field = Settings.fields[name]
    assert read_value(field, type_of(name), field.default) == field.default


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("port", "x", "it must be an integer from 0 to 65535"),
        ("port", True, "it must be an integer from 0 to 65535"),
        ("calls_per_install", "0", "it must be an integer of at least 1"),
        ("audit_retention_days", "-1", "it must be an integer from 0 to 36500"),
        ("debug", "maybe", "it must be `true` or `false`"),
        ("engine_pool", "maybe", "it must be `true` or `false` or `auto`"),
        ("environment", "staging", "it must be `development` or `production`"),
        ("data_dir", 7, "it must be a path"),
    ],
)
def test_a_message_says_what_the_value_must_be(name: str, value: object, message: str) -> None:
    with pytest.raises(InvalidSettings, match=f"^{name}: {message}$") as failed:
        Settings(_env_file=None, **{name: value})
    assert [issue[0] for issue in failed.value.issues] == [name]


def test_all_invalid_settings_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_PORT", "no")
    with pytest.raises(InvalidSettings) as failed:
        Settings(_env_file=None, debug="maybe")
    assert [(name, given_as) for name, given_as, _ in failed.value.issues] == [("runner_port", "RUNNER_PORT"), ("debug", "debug")]


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("Yes", True), ("on", True), ("OFF", False), ("0", False), ("no", False)]
)
def test_a_switch_is_read_in_every_usual_spelling(text: str, value: bool) -> None:
    assert Settings(_env_file=None, debug=text).debug is value
    assert Settings(_env_file=None, engine_pool=text).engine_pool is value


def test_a_name_that_is_no_setting_is_an_error_of_the_code() -> None:
    with pytest.raises(TypeError, match="prot"):
        Settings(prot=3000)


def test_a_copy_with_other_values_leaves_the_original_as_it_is() -> None:
    settings = Settings(_env_file=None, port=1)
    copy = settings.replaced(runner_port=2)
    assert (copy.port, copy.runner_port, settings.runner_port) == (1, 2, 8085)
    assert copy != settings and copy.replaced(runner_port=8085) == settings
    assert copy.resolved_runner_port == 2


def test_a_secret_shows_only_on_request() -> None:
    secret = SecretStr("hunter2")
    assert "hunter2" not in f"{secret} {secret!r}" and secret.get_secret_value() == "hunter2"
    assert secret == SecretStr("hunter2") and secret != SecretStr("other") and len({secret, SecretStr("hunter2")}) == 1
    assert not SecretStr("")
