"""Settings: gateway and runner."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from holdfast.settings.table.fields import SecretStr, named, prefixed, setting
from holdfast.settings.table.kinds import HttpUrl, HttpUrls, Origins, SettingsGroup, TrustedCallerNames


class ConnectionSettings(SettingsGroup):
    """How gateway and runner reach each other, and with which tokens."""

    title: ClassVar[str] = "Gateway and runner"

    runner_backend: Literal["docker", "knative"] = setting(
        "knative",
        variables=named("RUNNER_BACKEND"),
        description="Which address of the runner applies when both are set: `docker` RUNNER_DOCKER_HOST, `knative` RUNNER_BASE_URL.",
    )
    runner_docker_host: HttpUrls | None = setting(
        None,
        variables=named("RUNNER_DOCKER_HOST"),
        description="Address at which the gateway reaches a runner in a container; several are separated by commas.",
    )
    runner_base_url: HttpUrls | None = setting(
        None,
        variables=named("RUNNER_BASE_URL"),
        description="Address at which the gateway reaches the runner; several are separated by commas.",
    )
    runner_socket_dir: Path | None = setting(
        None,
        variables=named("RUNNER_SOCKET_DIR"),
        description="Folder of Unix sockets at which the runner listens too, one for each of its processes. A gateway on the same machine"
        " that has the same setting sends its calls there.",
    )
    runner_public_base: str = setting(
        "/runner",
        variables=named("RUNNER_PUBLIC_BASE"),
        description="Base of the URLs of extension pages, as the browser sees them.",
    )
    runner_service_token: SecretStr | None = setting(
        None,
        variables=named("RUNNER_SERVICE_TOKEN", "SERVICE_TOKEN"),
        description="Shared token of gateway and runner, sent in both directions.",
    )
    require_auth: bool = setting(
        True,
        variables=named("RUNNER_REQUIRE_AUTH"),
        description="Accept only callers that send the service token. Production rejects `false`.",
    )
    runner_trusted_callers: TrustedCallerNames = setting(
        "",
        variables=named("RUNNER_TRUSTED_CALLERS"),
        description="Callers that may call POST /v1/execute without the service token, for an application that sends none: `unix` (the Unix"
        " socket), and networks of at least /24 (IPv4) or /64 (IPv6), separated by commas. The socket's peer counts, never a header.",
    )
    runner_storage_api_token: SecretStr | None = setting(
        None,
        variables=named("RUNNER_STORAGE_API_TOKEN", "STORAGE_API_TOKEN"),
        description="Token that the runner sends to the internal APIs; unset means the service token.",
    )
    alga_auth_key: SecretStr | None = setting(
        None, variables=prefixed("ALGA_AUTH_KEY"), description="Key that the runner sends as x-api-key with install lookups."
    )
    alga_auth_key_file: Path = setting(
        Path("/vault/secrets/alga_auth_key"),
        variables=prefixed("ALGA_AUTH_KEY_FILE"),
        description="File with the key of the install lookups; read when ALGA_AUTH_KEY is not set and the file exists.",
    )
    registry_base_url: HttpUrl | None = setting(
        None, variables=prefixed("REGISTRY_BASE_URL"), description="Origin of the gateway, as the runner sees it."
    )
    storage_api_base_url: HttpUrl | None = setting(
        None, variables=prefixed("STORAGE_API_BASE_URL"), description="Origin of the internal APIs; unset means the registry's."
    )
    gateway_allowed_origins: Origins = setting(
        "",
        variables=named("EXT_GATEWAY_ALLOWED_ORIGINS"),
        description="Origins, separated by commas, whose pages may call /api/ext with an API key and read the response (CORS). A session"
        " cookie never counts for them.",
    )
    proxy_allowed_origins: Origins = setting(
        "",
        variables=named("EXT_PROXY_ALLOWED_ORIGINS"),
        description="The same for /api/ext-proxy.",
    )
    gateway_workers: int = setting(
        1,
        gt=0,
        le=64,
        variables=named("GATEWAY_WORKERS"),
        description="Number of gateway processes that share one port.",
    )
    gateway_workers_dir: Path | None = setting(
        None,
        variables=named("HOLDFAST_GATEWAY_WORKERS_DIR"),
        description="Folder that the gateway processes of one machine share, for rate limits and debug streams; `--workers` creates it and "
        "sets this variable for them. Unset, a process keeps them in its memory.",
    )
    gateway_timeout_ms: int = setting(
        30_000,
        gt=0,
        le=60_000,
        variables=prefixed("EXT_GATEWAY_TIMEOUT_MS"),
        description="Deadline that the gateway sets for a call, in milliseconds.",
    )
    ext_bundles_ratelimit_max: int = setting(
        30,
        gt=0,
        variables=prefixed("EXT_BUNDLES_RATELIMIT_MAX"),
        description="Maximum uploads of a tenant within EXT_BUNDLES_RATELIMIT_WINDOW_MS; finalize requests have a limit of the same size.",
    )
    ext_bundles_ratelimit_window_ms: int = setting(
        60_000,
        gt=0,
        variables=prefixed("EXT_BUNDLES_RATELIMIT_WINDOW_MS"),
        description="Length of the rate limit window of uploads, in milliseconds.",
    )
