"""docs/reference/settings.md: every setting, by task, read from the one table of settings."""

from __future__ import annotations

from holdfast.settings import Settings, variables_of

HEAD = """# Settings

Every setting of every service. Holdfast reads them from the environment, and from `.env.runner` in the folder where you start a command;
the environment wins. Where several variables are named, the first one that is set wins. `holdfast runner --print-config` shows each value
and its source."""

TASKS: dict[str, tuple[str, ...]] = {
    "Choose the mode and the folder": ("environment", "data_dir"),
    "Choose addresses and ports": ("host", "port", "runner_port", "ext_domain_root"),
    "Use a database of your own": ("database_url", "storage_grace_days"),
    "Run the runner apart from the gateway": (
        *("runner_backend", "runner_docker_host", "runner_base_url", "runner_public_base", "runner_service_token", "require_auth"),
        *("runner_storage_api_token", "alga_auth_key", "alga_auth_key_file", "registry_base_url", "storage_api_base_url"),
        "runner_workers",
        "workers_dir",
    ),
    "Keep bundles in a store": ("bundle_store_base", "s3_access_key", "s3_secret_key", "s3_region", "s3_endpoint"),
    "Size caches on disk": ("cache_root", "cache_max_bytes", "artifact_root"),
    "Serve pages of extensions": (
        *("static_strict_validation", "static_max_file_bytes", "ui_content_security_policy", "ui_frame_ancestors"),
    ),
    "Let extensions reach other systems": ("egress_allowlist", "ui_proxy_base_url", "ui_proxy_timeout_ms", "ui_proxy_auth_key"),
    "Seal secrets": (
        *("secrets_key", "secrets_key_file", "vault_addr", "vault_token", "vault_token_file", "vault_namespace"),
        *("vault_transit_mount", "vault_transit_key"),
    ),
    "Accept signatures": ("signing_trust_bundle",),
    "Limit what a call may use": (
        *("call_timeout_ms", "call_timeout_max_ms", "gateway_timeout_ms", "call_memory_mb", "request_body_max_bytes", "calls_per_install"),
        *("calls_per_process", "idempotency_seconds", "idempotency_max_bytes"),
    ),
    "Limit uploads": ("ext_bundles_ratelimit_max", "ext_bundles_ratelimit_window_ms"),
    "Tune the engine": ("engine_pool", "engine_pool_instances", "engine_fuel"),
    "Follow calls and read logs": (
        *("debug_redis_url", "debug_redis_password", "debug_redis_stream_prefix", "debug_redis_maxlen", "debug_max_event_bytes"),
        *("debug_tail_count", "log_level", "log_format", "debug"),
    ),
    "Build extensions": ("toolchain_dir",),
}
"""What you want to do, and the settings for it. A test fails when a setting is in no task or in two."""


def page() -> str:
    """The page as Markdown. Raises ValueError when a setting is in no task."""
    listed = [name for names in TASKS.values() for name in names]
    if missing := set(Settings.model_fields) ^ set(listed):
        raise ValueError(f"scripts/reference/settings.py: add to TASKS or remove: {', '.join(sorted(missing))}")
    return "\n\n".join([HEAD, *(_section(task, names) for task, names in TASKS.items())]) + "\n"


def _section(task: str, names: tuple[str, ...]) -> str:
    return "\n".join([f"## {task}", "", "| Variable | Default | Meaning | Name in the code |", "|---|---|---|---|", *map(_row, names)])


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    default = "not set" if field.default is None or field.default == "" else f"`{field.default}`"
    variables = "<br>".join(f"`{variable}`" for variable in variables_of(name))
    return f"| {variables} | {default} | {field.description} | `{name}` |"
