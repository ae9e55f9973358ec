"""The table of settings: name, variable, default, meaning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import AliasChoices, ConfigDict, SecretStr

from holdfast.settings.sources import ENV_FILE, read_env_file
from holdfast.settings.table.bundles import BundleSettings
from holdfast.settings.table.connections import ConnectionSettings
from holdfast.settings.table.debug_stream import DebugStreamSettings
from holdfast.settings.table.engine import EngineSettings
from holdfast.settings.table.host_calls import HostCallSettings
from holdfast.settings.table.kinds import SettingsGroup
from holdfast.settings.table.limits import LimitSettings
from holdfast.settings.table.secrets import SecretSettings
from holdfast.settings.table.services import ServiceSettings
from holdfast.settings.table.usage import UsageSettings

GROUPS: tuple[type[SettingsGroup], ...] = (
    ServiceSettings,
    ConnectionSettings,
    BundleSettings,
    HostCallSettings,
    SecretSettings,
    DebugStreamSettings,
    LimitSettings,
    UsageSettings,
    EngineSettings,
)
"""The groups of the table in the order in which people read them. Each has a `title`."""


class Settings(
    EngineSettings,
    UsageSettings,
    LimitSettings,
    DebugStreamSettings,
    SecretSettings,
    HostCallSettings,
    BundleSettings,
    ConnectionSettings,
    ServiceSettings,
):
    """Every setting of every service.

    The bases are in reverse order because pydantic collects the fields of the last base first.
    """

    # Defaults are validated too: an alias or a bound that does not fit them fails in every test.
    model_config = ConfigDict(extra="ignore", populate_by_name=True, validate_default=True)

    def __init__(self, *, _env_file: str | None = ENV_FILE, **given: Any) -> None:
        """Reads the variables of the environment and of the file (None: no file); `given` values, by field or variable, override them.

        Raises pydantic's ValidationError for a value that is invalid.
        """
        super().__init__(**_read_fields(_env_file, given), **given)

    @property
    def resolved_database_url(self) -> str:
        """The database as a URL, with or without a driver's name."""
        return self.database_url or f"sqlite+aiosqlite:///{(self.data_dir / 'holdfast.db').resolve()}"

    @property
    def resolved_bundle_store(self) -> str:
        """The bundle store as a folder path or URL."""
        return self.bundle_store_base or str((self.data_dir / "bundles").resolve())

    @property
    def resolved_runner_base_url(self) -> str | None:
        """The address that RUNNER_BACKEND selects, or addresses separated by commas; if only one setting has a value, that one."""
        docker_first = self.runner_backend == "docker"
        first, second = (self.runner_docker_host, self.runner_base_url) if docker_first else (self.runner_base_url, self.runner_docker_host)
        return first or second

    @property
    def resolved_runner_port(self) -> int:
        """Port of `holdfast runner`. PORT applies when no port of the runner is set, because container platforms set PORT."""
        alone = "runner_port" not in self.model_fields_set and "port" in self.model_fields_set
        return self.port if alone else self.runner_port

    @property
    def storage_grace(self) -> timedelta:
        return timedelta(days=self.storage_grace_days)

    @property
    def resolved_trust_store(self) -> Path:
        return self.signing_trust_bundle or (self.data_dir / "trusted-keys.json").resolve()

    @property
    def resolved_secrets_key_file(self) -> Path:
        return (self.secrets_key_file or self.data_dir / "secrets.key").resolve()

    @property
    def resolved_cache_root(self) -> Path:
        return self.cache_root or (self.data_dir / "cache").resolve()

    @property
    def resolved_artifact_root(self) -> Path:
        return self.artifact_root or (self.data_dir / "artifacts").resolve()


def variables_of(name: str) -> list[str]:
    """The variables of a setting, the one with the highest priority first."""
    alias = Settings.model_fields[name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else []


def secret_variables() -> frozenset[str]:
    """The variables whose values must not be shown to other programs or people."""
    secret = (name for name, field in Settings.model_fields.items() if SecretStr in (field.annotation, *get_args(field.annotation)))
    return frozenset({"ALGA_API_KEY"}.union(*(variables_of(name) for name in secret), {"DATABASE_URL", "HOLDFAST_DATABASE_URL"}))


def _read_fields(file: str | None, given: Mapping[str, Any]) -> dict[str, str]:
    """The values of environment and file under the variables that were read, without those of `given` settings."""
    environment = {name: value for name, value in os.environ.items() if value}
    in_file = read_env_file(file)
    values = {}
    for name in Settings.model_fields:
        variables = variables_of(name)
        if name in given or any(variable in given for variable in variables):
            continue
        # Every variable of the environment overrides every variable of the file.
        for source in (environment, in_file):
            if (variable := next((one for one in variables if one in source), None)) is not None:
                values[variable] = source[variable]
                break
    return values
