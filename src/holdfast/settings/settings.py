"""The table of settings: name, variable, default, meaning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, get_args, get_type_hints

from holdfast.settings.sources import ENV_FILE, read_env_file
from holdfast.settings.table.bundles import BundleSettings
from holdfast.settings.table.connections import ConnectionSettings
from holdfast.settings.table.debug_stream import DebugStreamSettings
from holdfast.settings.table.engine import EngineSettings
from holdfast.settings.table.fields import SecretStr, SettingField
from holdfast.settings.table.host_calls import HostCallSettings
from holdfast.settings.table.kinds import SettingsGroup
from holdfast.settings.table.limits import LimitSettings
from holdfast.settings.table.reading import read_value
from holdfast.settings.table.schedules import SchedulesSettings
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
    SchedulesSettings,
    EngineSettings,
)
"""The groups of the table in the order in which people read them. Each has a `title`."""


class InvalidSettings(ValueError):
    """Raised for values that are invalid: for each, the name of the setting, the variable or name it came from, and what is wrong."""

    def __init__(self, issues: list[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(f"{given_as}: {message}" for _, given_as, message in issues))
        self.issues = issues


class Settings(
    ServiceSettings,
    ConnectionSettings,
    BundleSettings,
    HostCallSettings,
    SecretSettings,
    DebugStreamSettings,
    LimitSettings,
    UsageSettings,
    SchedulesSettings,
    EngineSettings,
):
    """Every setting of every service. `names_set` are the settings that have a value from outside, which may equal the default.

    Not a pydantic model: loading pydantic and building a model of this size took a third of the time that a command needs to start.
    """

    fields: ClassVar[dict[str, SettingField]] = {name: field for group in GROUPS for name, field in group.own_fields().items()}

    def __init__(self, *, _env_file: str | None = ENV_FILE, **given: Any) -> None:
        """Reads the variables of the environment and of the file (None: no file); `given` values, by field or variable, override them.

        Raises InvalidSettings, and TypeError for a `given` name that no setting has.
        """
        values = _find_values(_env_file, given)
        if unknown := given.keys() - self.fields.keys() - {given_as for given_as, _ in values.values()}:
            raise TypeError(f"there is no setting {', '.join(sorted(unknown))}")
        vars(self).update({name: field.default for name, field in self.fields.items()})
        issues = []
        for name, (given_as, value) in values.items():
            try:
                setattr(self, name, read_value(self.fields[name], type_of(name), value))
            except ValueError as invalid:
                issues.append((name, given_as, str(invalid)))
        if issues:
            raise InvalidSettings(issues)
        self.names_set = frozenset(values)

    def replaced(self, **changes: Any) -> Self:
        """A copy with these values, which are not checked."""
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self) | changes | {"names_set": self.names_set.union(changes)})
        return copy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and all(getattr(self, name) == getattr(other, name) for name in self.fields)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in self.fields)})"

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
        alone = "runner_port" not in self.names_set and "port" in self.names_set
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


def variables_of(name: str) -> tuple[str, ...]:
    """The variables of a setting, the one with the highest priority first."""
    return Settings.fields[name].variables


def secret_variables() -> frozenset[str]:
    """The variables whose values must not be shown to other programs or people."""
    secret = (name for name in Settings.fields if SecretStr in (type_of(name), *get_args(type_of(name))))
    return frozenset({"ALGA_API_KEY"}.union(*(variables_of(name) for name in secret), {"DATABASE_URL", "HOLDFAST_DATABASE_URL"}))


def type_of(name: str) -> Any:
    """The type of a setting."""
    return _types()[name]


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Settings, include_extras=True)


def _find_values(file: str | None, given: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """The values from outside, by setting: the name or variable under which each was found, and the value."""
    environment = {name: value for name, value in os.environ.items() if value}
    in_file = read_env_file(file)
    values: dict[str, tuple[str, Any]] = {}
    for name, field in Settings.fields.items():
        # Every variable of the environment overrides every variable of the file.
        for source, names in ((given, (name, *field.variables)), (environment, field.variables), (in_file, field.variables)):
            if (found := next((one for one in names if one in source), None)) is not None:
                values[name] = found, source[found]
                break
    return values
