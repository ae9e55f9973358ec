"""The one table of settings: name, variable, default, meaning. Read from the environment and `.env.runner`."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def _variables(*names: str) -> AliasChoices:
    """The variables of one setting: each name as given and with the prefix `RUNNER_`; the first that is set wins."""
    return AliasChoices(*[alias for name in names for alias in (name, f"RUNNER_{name}")])


def _domain(value: str) -> str:
    name = value.strip().lower()
    if len(name) > 180 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("it is not a domain such as apps.example.com")
    return name


def _level(value: Any) -> Any:
    """A log level in our words. Of a filter such as `info,ext=debug` it is the part without a target."""
    if not isinstance(value, str):
        return value
    bare = next((part for part in value.lower().replace(" ", "").split(",") if part and "=" not in part), "info")
    return {"trace": "debug", "warn": "warning", "off": "error"}.get(bare, bare)


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not quoted: an address can hold a password.
        raise ValueError("it must be an http:// or https:// address")
    return value.strip()


DomainName = Annotated[str, AfterValidator(_domain)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Settings(BaseSettings):
    """Every setting of every service. The field is the name; its alias names the variables; its description is the meaning."""

    model_config = SettingsConfigDict(
        env_file=".env.runner", extra="ignore", case_sensitive=True, populate_by_name=True, env_ignore_empty=True
    )

    environment: Literal["development", "production"] = Field(
        "development",
        validation_alias=AliasChoices("HOLDFAST_ENVIRONMENT"),
        description="In production, unsigned bundles and default tokens are refused.",
    )
    data_dir: Path = Field(
        Path(".holdfast"),
        validation_alias=AliasChoices("HOLDFAST_DATA_DIR"),
        description="Folder of the embedded database, bundle store, caches and credentials.",
    )
    host: str = Field("127.0.0.1", validation_alias=AliasChoices("HOLDFAST_HOST"), description="Address the services listen on.")
    port: int = Field(
        3000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT"),
        description="Port of gateway and console, and of a runner alone when RUNNER_PORT is not set; 0 picks a free one.",
    )
    runner_port: int = Field(
        8085,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("RUNNER_PORT", "RUNNER_DOCKER_PORT"),
        description="Port of the runner; 0 picks a free one.",
    )
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_DATABASE_URL", "DATABASE_URL"),
        description="The database: postgresql://USER:PASSWORD@HOST:PORT/NAME, or sqlite:///FILE; unset means SQLite in the data folder.",
    )

    storage_grace_days: int = Field(
        30,
        ge=0,
        le=36500,
        validation_alias=AliasChoices("HOLDFAST_STORAGE_GRACE_DAYS"),
        description="Days that what an extension stored is kept after it was uninstalled.",
    )

    ext_domain_root: DomainName | None = Field(
        None,
        validation_alias=AliasChoices("EXT_DOMAIN_ROOT"),
        description="Domain below which each install gets a host name of its own, such as apps.example.com; all its names must lead to the"
        " runner. Unset means no names.",
    )

    # Between gateway and runner
    runner_backend: Literal["docker", "knative"] = Field(
        "knative",
        validation_alias=AliasChoices("RUNNER_BACKEND"),
        description="Where both addresses are set: with `docker`, RUNNER_DOCKER_HOST is the runner's; with `knative`, RUNNER_BASE_URL.",
    )
    runner_docker_host: HttpUrl | None = Field(
        None, validation_alias=AliasChoices("RUNNER_DOCKER_HOST"), description="Where the gateway finds a runner in a container."
    )
    runner_base_url: HttpUrl | None = Field(
        None, validation_alias=AliasChoices("RUNNER_BASE_URL"), description="Where the gateway finds the runner."
    )
    runner_public_base: str = Field(
        "/runner",
        validation_alias=AliasChoices("RUNNER_PUBLIC_BASE"),
        description="Base of extension UI addresses as the browser sees them.",
    )
    runner_service_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("RUNNER_SERVICE_TOKEN", "SERVICE_TOKEN"),
        description="Shared token: gateway to runner, and runner to gateway.",
    )
    require_auth: bool = Field(
        True,
        validation_alias=AliasChoices("RUNNER_REQUIRE_AUTH"),
        description="Answer only callers with the service token. `false`, for callers that send none, is refused in production.",
    )
    runner_storage_api_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("RUNNER_STORAGE_API_TOKEN", "STORAGE_API_TOKEN"),
        description="Token of the runner's calls to the internal APIs; unset means the service token.",
    )
    alga_auth_key: SecretStr | None = Field(
        None, validation_alias=_variables("ALGA_AUTH_KEY"), description="Key the runner sends as x-api-key to the install lookups."
    )
    alga_auth_key_file: Path = Field(
        Path("/vault/secrets/alga_auth_key"),
        validation_alias=_variables("ALGA_AUTH_KEY_FILE"),
        description="File that holds the key of the install lookups; read when ALGA_AUTH_KEY is not set and the file is there.",
    )
    registry_base_url: HttpUrl | None = Field(
        None, validation_alias=_variables("REGISTRY_BASE_URL"), description="Origin of the gateway as the runner sees it."
    )
    storage_api_base_url: HttpUrl | None = Field(
        None, validation_alias=_variables("STORAGE_API_BASE_URL"), description="Origin of the internal APIs; unset means the registry's."
    )
    gateway_timeout_ms: int = Field(
        30_000,
        gt=0,
        le=60_000,
        validation_alias=_variables("EXT_GATEWAY_TIMEOUT_MS"),
        description="Deadline in milliseconds that the gateway gives a call.",
    )

    ext_bundles_ratelimit_max: int = Field(
        30,
        gt=0,
        validation_alias=_variables("EXT_BUNDLES_RATELIMIT_MAX"),
        description="Uploads, and as many finalisings, that a tenant may make in the window of EXT_BUNDLES_RATELIMIT_WINDOW_MS.",
    )
    ext_bundles_ratelimit_window_ms: int = Field(
        60_000,
        gt=0,
        validation_alias=_variables("EXT_BUNDLES_RATELIMIT_WINDOW_MS"),
        description="Length of that window, in milliseconds.",
    )

    # The runner
    bundle_store_base: str | None = Field(
        None,
        validation_alias=_variables("BUNDLE_STORE_BASE"),
        description="Bundle store: a folder, a file:// URL, an s3:// URL, or an http(s) URL whose first path segment is the bucket (with "
        "the S3 credentials) or that serves the same paths openly (without); unset means bundles/ in the data folder.",
    )
    s3_access_key: SecretStr | None = Field(
        None, validation_alias=_variables("S3_ACCESS_KEY", "MINIO_ACCESS_KEY"), description="Access key of an S3-compatible bundle store."
    )
    s3_secret_key: SecretStr | None = Field(
        None, validation_alias=_variables("S3_SECRET_KEY", "MINIO_SECRET_KEY"), description="Secret key of an S3-compatible bundle store."
    )
    s3_region: str = Field("us-east-1", validation_alias=_variables("S3_REGION"), description="Region of an S3-compatible bundle store.")
    s3_endpoint: HttpUrl | None = Field(
        None, validation_alias=_variables("S3_ENDPOINT"), description="Server of an s3:// bundle store, when it is not Amazon's."
    )
    cache_root: Path | None = Field(
        None,
        validation_alias=_variables("EXT_CACHE_ROOT"),
        description="Folder of unpacked bundles; unset means cache/ in the data folder.",
    )
    cache_max_bytes: int = Field(
        4 * 1024**3,
        gt=0,
        validation_alias=_variables("EXT_CACHE_MAX_BYTES"),
        description="Size of the folder of unpacked bundles, in bytes; beyond it, those that were not used for longest are removed.",
    )
    artifact_root: Path | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_ARTIFACT_ROOT"),
        description="Folder of compiled components; unset means artifacts/ in the data folder.",
    )
    static_strict_validation: bool = Field(
        True,
        validation_alias=_variables("EXT_STATIC_STRICT_VALIDATION", "STATIC_STRICT_VALIDATION"),
        description="Serve UI files only to tenants that have the extension installed.",
    )
    static_max_file_bytes: int | None = Field(
        None,
        gt=0,
        validation_alias=_variables("EXT_STATIC_MAX_FILE_BYTES"),
        description="Largest UI file served, in bytes; unset means no limit of its own.",
    )
    ui_content_security_policy: str | None = Field(
        None,
        validation_alias=_variables("EXT_UI_CONTENT_SECURITY_POLICY"),
        description="Replaces the Content-Security-Policy of extension pages.",
    )
    ui_frame_ancestors: str | None = Field(
        None, validation_alias=_variables("EXT_UI_FRAME_ANCESTORS"), description="Who may frame extension pages, beside the gateway itself."
    )
    egress_allowlist: str = Field(
        "",
        validation_alias=_variables("EXT_EGRESS_ALLOWLIST"),
        description="Comma-separated hosts that every extension with cap:http.fetch may call, beside those it declared. Empty grants none.",
    )
    ui_proxy_base_url: HttpUrl | None = Field(
        None, validation_alias=_variables("UI_PROXY_BASE_URL"), description="Base of ui-proxy.call-route; unset means route-not-found."
    )
    ui_proxy_timeout_ms: int = Field(
        5_000, gt=0, validation_alias=_variables("UI_PROXY_TIMEOUT_MS"), description="Time limit of one call-route, in milliseconds."
    )
    ui_proxy_auth_key: SecretStr | None = Field(
        None,
        validation_alias=_variables("UI_PROXY_AUTH_KEY"),
        description="Accepted and never sent, as in the existing runner: it would lend a service's rights to an extension.",
    )
    vault_addr: HttpUrl | None = Field(
        None,
        validation_alias=_variables("VAULT_ADDR", "ALGA_VAULT_ADDR"),
        description="Vault that opens secret envelopes; unset means none.",
    )
    vault_token_file: Path = Field(
        Path("/run/secrets/alga_vault_token"),
        validation_alias=_variables("ALGA_VAULT_TOKEN_FILE"),
        description="File that holds the Vault token; read for each envelope, so that it may be renewed.",
    )
    vault_token: SecretStr | None = Field(
        None,
        validation_alias=_variables("VAULT_TOKEN", "ALGA_VAULT_TOKEN"),
        description="Vault token; counts before the file.",
    )
    vault_namespace: str | None = Field(
        None, validation_alias=_variables("VAULT_NAMESPACE", "ALGA_VAULT_NAMESPACE"), description="Vault namespace."
    )
    vault_transit_mount: str = Field(
        "transit", validation_alias=_variables("ALGA_VAULT_TRANSIT_MOUNT"), description="Where Vault's transit engine is mounted."
    )
    vault_transit_key: str | None = Field(
        None,
        validation_alias=_variables("VAULT_TRANSIT_KEY", "ALGA_VAULT_TRANSIT_KEY"),
        description="Key of Vault's transit engine that seals secrets; unset means that HOLDFAST_SECRETS_KEY or its file does.",
    )
    secrets_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_SECRETS_KEY"),
        description="Keys of the secrets at rest, each 32 bytes in base64url, separated by commas: the first seals, all open.",
    )
    secrets_key_file: Path | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_SECRETS_KEY_FILE"),
        description="File of these keys, one a line, where HOLDFAST_SECRETS_KEY is not set; unset means secrets.key in the data folder, "
        "which development makes.",
    )
    signing_trust_bundle: Path | None = Field(
        None,
        validation_alias=_variables("SIGNING_TRUST_BUNDLE"),
        description="File of the keys whose signatures count; unset means trusted-keys.json in the data folder.",
    )
    debug_redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_URL", "DEBUG_REDIS_URL"),
        description="Redis that keeps the debug stream; unset means the gateway's memory.",
    )
    debug_redis_password: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_PASSWORD", "DEBUG_REDIS_PASSWORD"),
        description="Password for RUNNER_DEBUG_REDIS_URL when the URL has none.",
    )
    debug_redis_stream_prefix: str = Field(
        "ext-debug:",
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_STREAM_PREFIX", "DEBUG_REDIS_STREAM_PREFIX"),
        description="Beginning of the streams' names: `<prefix>{tenant}:{extension}`. A prefix that does not end in `:` is also the name "
        "of a stream with the events of all extensions.",
    )
    debug_redis_maxlen: int = Field(
        2_000,
        gt=0,
        validation_alias=AliasChoices("RUNNER_DEBUG_REDIS_MAXLEN", "DEBUG_REDIS_MAXLEN"),
        description="Events that a Redis stream keeps, about.",
    )
    debug_max_event_bytes: int = Field(
        8_192,
        gt=0,
        validation_alias=AliasChoices("RUNNER_DEBUG_MAX_EVENT_BYTES", "DEBUG_MAX_EVENT_BYTES"),
        description="Longest message of one debug event, in bytes of UTF-8.",
    )
    debug_tail_count: int = Field(
        200,
        ge=0,
        le=2_000,
        validation_alias=_variables("EXT_DEBUG_SSE_TAIL_COUNT"),
        description="Debug events shown from before the page was opened.",
    )

    # Limits of one call: design.md's table
    call_timeout_ms: int = Field(
        5_000,
        gt=0,
        le=60_000,
        validation_alias=AliasChoices("HOLDFAST_CALL_TIMEOUT_MS"),
        description="Deadline of a call that names none, in milliseconds.",
    )
    call_timeout_max_ms: int = Field(
        60_000,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_CALL_TIMEOUT_MAX_MS"),
        description="Longest deadline a caller may ask for, in milliseconds.",
    )
    call_memory_mb: int = Field(
        256,
        gt=0,
        le=1_024,
        validation_alias=AliasChoices("HOLDFAST_CALL_MEMORY_MB"),
        description="Size of each linear memory of a call that names none, in MiB.",
    )
    request_body_max_bytes: int = Field(
        10 * 1024 * 1024,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_REQUEST_BODY_MAX_BYTES"),
        description="Largest request body into a guest, in bytes.",
    )
    calls_per_install: int = Field(
        16,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_CALLS_PER_INSTALL"),
        description="Calls of one install that run at once in one runner process.",
    )
    calls_per_process: int = Field(
        256, gt=0, validation_alias=AliasChoices("HOLDFAST_CALLS_PER_PROCESS"), description="Calls that run at once in one runner process."
    )
    idempotency_seconds: int = Field(
        600,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_IDEMPOTENCY_SECONDS"),
        description="How long the answer to an idempotency key is kept, in seconds.",
    )
    idempotency_max_bytes: int = Field(
        64 * 1024 * 1024,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_IDEMPOTENCY_MAX_BYTES"),
        description="Size of all kept answers of one runner process, in bytes; beyond it, the oldest go.",
    )
    runner_workers: int = Field(
        1, gt=0, le=256, validation_alias=AliasChoices("RUNNER_WORKERS"), description="Processes of a runner that share its port."
    )
    workers_dir: Path | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_WORKERS_DIR"),
        description="Folder in which the workers of one runner meet; `holdfast runner --workers` makes it and sets this for them.",
    )
    engine_pool: bool = Field(
        True,
        validation_alias=AliasChoices("HOLDFAST_ENGINE_POOL"),
        description="Keep instance memory in a pool: twice the calls per second for more address space.",
    )
    engine_pool_instances: int = Field(
        256,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_ENGINE_POOL_INSTANCES", "WASM_POOL_TOTAL_COMPONENTS", "RUNNER_WASM_POOL_TOTAL_COMPONENTS"),
        description="Component instances the pool has room for.",
    )

    engine_fuel: bool = Field(
        False,
        validation_alias=AliasChoices("HOLDFAST_ENGINE_FUEL"),
        description="Count what calls compute, in units that are equal for equal calls, at about a fifth of their speed.",
    )

    # People
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)] = Field(
        "info",
        validation_alias=AliasChoices("HOLDFAST_LOG_LEVEL", "RUST_LOG", "RUNNER_RUST_LOG"),
        description="Lowest level that is logged. Of a filter such as `info,ext=debug`, the part without a target counts.",
    )

    log_format: Literal["console", "json"] | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_LOG_FORMAT"),
        description="Form of the log lines; unset means json in production and console in development.",
    )
    debug: bool = Field(
        False, validation_alias=AliasChoices("HOLDFAST_DEBUG"), description="Show the traceback of an unexpected error of a command."
    )
    toolchain_dir: Path | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_TOOLCHAIN_DIR"),
        description="Folder of the JavaScript build tools; unset means the user's cache folder.",
    )

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
        """Where the gateway finds the runner, as RUNNER_BACKEND chooses; where only one address is set, that one."""
        docker_first = self.runner_backend == "docker"
        first, second = (self.runner_docker_host, self.runner_base_url) if docker_first else (self.runner_base_url, self.runner_docker_host)
        return first or second

    @property
    def resolved_runner_port(self) -> int:
        """Port of a runner that is alone. The variable PORT counts where no port of the runner is set: containers are told theirs so."""
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
    """The variables of a setting, in the order in which they are looked for."""
    alias = Settings.model_fields[name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else []


def secret_variables() -> frozenset[str]:
    """The variables whose values nobody but Holdfast itself is to see."""
    secret = (name for name, field in Settings.model_fields.items() if SecretStr in (field.annotation, *get_args(field.annotation)))
    return frozenset({"ALGA_API_KEY"}.union(*(variables_of(name) for name in secret), {"DATABASE_URL", "HOLDFAST_DATABASE_URL"}))


def settings_page() -> str:
    """The table of settings as a page of the documentation (Markdown)."""
    rows = []
    for name, field in Settings.model_fields.items():
        variables = variables_of(name)
        default = "unset" if field.default is None or field.default == "" else f"`{field.default}`"
        rows.append(f"| {'<br>'.join(f'`{variable}`' for variable in variables)} | {default} | {field.description} | `{name}` |")
    return "\n".join([_PAGE_HEAD, *rows, ""])


_PAGE_HEAD = """# Settings

Every setting of every service: read from the environment, and from `.env.runner` in the folder a command is started in. Where several
variables are named, the first that is set wins. This page is made by `scripts/settings-page`, and a test fails when it is out of date.

| variable | default | meaning | name in the code |
|---|---|---|---|"""
