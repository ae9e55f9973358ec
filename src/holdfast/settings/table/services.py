"""Settings: services and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from holdfast.settings.table.fields import named, setting
from holdfast.settings.table.kinds import DomainName, SettingsGroup, parse_log_level
from holdfast.settings.table.reading import ReadText


class ServiceSettings(SettingsGroup):
    """Where the services listen, where their data is, and what they log."""

    title: ClassVar[str] = "Services and data"

    environment: Literal["development", "production"] = setting(
        "development",
        variables=named("HOLDFAST_ENVIRONMENT"),
        description="Kind of installation. Production rejects unsigned bundles and well-known tokens.",
    )
    data_dir: Path = setting(
        Path(".holdfast"),
        variables=named("HOLDFAST_DATA_DIR"),
        description="Folder of the embedded database, bundle store, caches and credentials.",
    )
    host: str = setting("127.0.0.1", variables=named("HOLDFAST_HOST"), description="Address the services listen on.")
    port: int = setting(
        3000,
        ge=0,
        le=65535,
        variables=named("PORT"),
        description="Port of gateway and console. `holdfast runner` also uses it when RUNNER_PORT is not set. 0 picks a free port.",
    )
    runner_port: int = setting(
        8085,
        ge=0,
        le=65535,
        variables=named("RUNNER_PORT", "RUNNER_DOCKER_PORT"),
        description="Port of the runner; 0 picks a free port.",
    )
    database_url: str | None = setting(
        None,
        variables=named("HOLDFAST_DATABASE_URL", "DATABASE_URL"),
        description="The database: postgresql://USER:PASSWORD@HOST:PORT/NAME, or sqlite:///FILE; unset means SQLite in the data folder.",
    )
    database_durability: Literal["process", "power"] = setting(
        "process",
        variables=named("HOLDFAST_DATABASE_DURABILITY"),
        description="What a commit to SQLite survives: `process` the death of any process; `power` also a loss of power, and each commit"
        " waits for the disk. On Postgres the server's settings synchronous_commit and fsync decide.",
    )
    audit_retention_days: int | None = setting(
        None,
        ge=0,
        le=36500,
        variables=named("HOLDFAST_AUDIT_RETENTION_DAYS"),
        description="Days that rows of the audit log are retained; 0 means forever. Unset means 90 where Holdfast made the table, and "
        "forever where it found the table.",
    )
    call_statistics_retention_days: int = setting(
        400,
        ge=0,
        le=36500,
        variables=named("HOLDFAST_CALL_STATISTICS_RETENTION_DAYS"),
        description="Days that the statistics of calls by the minute are retained; 0 means forever.",
    )
    storage_grace_days: int = setting(
        30,
        ge=0,
        le=36500,
        variables=named("HOLDFAST_STORAGE_GRACE_DAYS"),
        description="Days that the records of an uninstalled extension are retained.",
    )
    ext_domain_root: DomainName | None = setting(
        None,
        variables=named("EXT_DOMAIN_ROOT"),
        description="Domain below which each install gets its own host name, such as apps.example.com; all its subdomains must lead to the"
        " runner. Unset means no host names.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], ReadText(parse_log_level)] = setting(
        "info",
        variables=named("HOLDFAST_LOG_LEVEL", "RUST_LOG", "RUNNER_RUST_LOG"),
        description="Lowest level that is logged. In a filter such as `info,ext=debug`, the part without a target applies.",
    )
    log_format: Literal["console", "json"] | None = setting(
        None,
        variables=named("HOLDFAST_LOG_FORMAT"),
        description="Format of the log lines; unset means json in production and console in development.",
    )
    fast_log_lines: bool = setting(
        True,
        variables=named("HOLDFAST_FAST_LOG_LINES"),
        description="Write the JSON log line of each call with faster code; off, through structlog. Both write the same line.",
    )
    debug: bool = setting(False, variables=named("HOLDFAST_DEBUG"), description="Show the traceback of an unexpected error of a command.")
    toolchain_dir: Path | None = setting(
        None,
        variables=named("HOLDFAST_TOOLCHAIN_DIR"),
        description="Folder of the JavaScript build tools; unset means the user's cache folder.",
    )
