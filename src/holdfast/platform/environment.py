"""What the platform and its runner agree on: addresses, folders and tokens, as settings of one and variables of the other."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from holdfast.settings import SecretStr, Settings


def platform_settings(settings: Settings, *, console: str, runner: str, runner_sockets: Path | None = None) -> Settings:
    """The settings of one run: the origins of its two services, the folder of the runner's Unix sockets, and a new random token for each
    that the settings lack."""
    service = _text(settings.runner_service_token) or secrets.token_urlsafe(32)
    return settings.replaced(
        runner_base_url=runner,
        runner_socket_dir=runner_sockets,
        registry_base_url=console,
        storage_api_base_url=console,
        runner_service_token=SecretStr(service),
        runner_storage_api_token=SecretStr(_text(settings.runner_storage_api_token) or service),
        alga_auth_key=SecretStr(_text(settings.alga_auth_key) or secrets.token_urlsafe(32)),
    )


def runner_environment(settings: Settings, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the runner process, for settings of `platform_settings`. No token is on a command line."""
    assert settings.registry_base_url is not None
    variables = {
        "HOLDFAST_ENVIRONMENT": settings.environment,
        "SIGNING_TRUST_BUNDLE": str(settings.resolved_trust_store.resolve()),
        "HOLDFAST_DATA_DIR": str(settings.data_dir.resolve()),
        "HOLDFAST_ARTIFACT_ROOT": str(settings.resolved_artifact_root.resolve()),
        "EXT_CACHE_ROOT": str(settings.resolved_cache_root.resolve()),
        "HOLDFAST_SECRETS_KEY_FILE": str(settings.resolved_secrets_key_file),
        "BUNDLE_STORE_BASE": _absolute_store(settings.resolved_bundle_store),
        "REGISTRY_BASE_URL": settings.registry_base_url,
        "STORAGE_API_BASE_URL": settings.registry_base_url,
        "RUNNER_SERVICE_TOKEN": _text(settings.runner_service_token) or "",
        "RUNNER_STORAGE_API_TOKEN": _text(settings.runner_storage_api_token) or "",
        "ALGA_AUTH_KEY": _text(settings.alga_auth_key) or "",
    }
    if settings.ui_proxy_base_url is None:
        # The application of extensions is this platform, unless the operator names another one.
        variables["UI_PROXY_BASE_URL"] = settings.registry_base_url
    if (keys := _text(settings.secrets_key)) is not None:
        variables["HOLDFAST_SECRETS_KEY"] = keys
    # The runner must not reach the database, so it does not get its address.
    return {name: value for name, value in inherited.items() if name not in {"DATABASE_URL", "HOLDFAST_DATABASE_URL"}} | variables


def gateway_environment(settings: Settings, shared: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a gateway worker, for settings of `platform_settings`. `shared` is the folder of all workers.

    It reads what this process reads, in the same working folder, except what came from the command line or was generated.
    """
    assert settings.resolved_runner_base_url is not None and settings.registry_base_url is not None
    sockets = {} if settings.runner_socket_dir is None else {"RUNNER_SOCKET_DIR": str(settings.runner_socket_dir.absolute())}
    return {
        **inherited,
        **sockets,
        "HOLDFAST_DATA_DIR": str(settings.data_dir.resolve()),
        "HOLDFAST_HOST": settings.host,
        "HOLDFAST_GATEWAY_WORKERS_DIR": str(shared),
        "GATEWAY_WORKERS": str(settings.gateway_workers),
        "RUNNER_BASE_URL": settings.resolved_runner_base_url,
        "REGISTRY_BASE_URL": settings.registry_base_url,
        "STORAGE_API_BASE_URL": settings.registry_base_url,
        "RUNNER_SERVICE_TOKEN": _text(settings.runner_service_token) or "",
        "RUNNER_STORAGE_API_TOKEN": _text(settings.runner_storage_api_token) or "",
        "ALGA_AUTH_KEY": _text(settings.alga_auth_key) or "",
    }


def scheduler_environment(settings: Settings, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the scheduler, for settings of `platform_settings`. It reads what this process reads, in the same working folder,
    except what came from the command line or was generated."""
    assert settings.registry_base_url is not None
    return {
        **inherited,
        "HOLDFAST_DATA_DIR": str(settings.data_dir.resolve()),
        "REGISTRY_BASE_URL": settings.registry_base_url,
        "STORAGE_API_BASE_URL": settings.registry_base_url,
        "RUNNER_SERVICE_TOKEN": _text(settings.runner_service_token) or "",
        "RUNNER_STORAGE_API_TOKEN": _text(settings.runner_storage_api_token) or "",
    }


def _absolute_store(location: str) -> str:
    return location if "://" in location else str(Path(location).resolve())


def _text(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value().strip() or None) if secret is not None else None
