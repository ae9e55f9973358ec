"""An installed extension as calls use it: read once, prepared once."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import msgspec
from msgspec import UNSET

from holdfast.contract.install_config import InstallConfig
from holdfast.registry.installs.call_context import InstallContext
from holdfast.registry.models.endpoint_table import EndpointTable


class InstallSnapshot:
    """An enabled install: its context, its endpoints compiled, and the response of install-config, encoded."""

    def __init__(self, context: InstallContext) -> None:
        """`context` is what `read_install` returned, with secrets that may have expired."""
        self.context = context
        self.endpoints = EndpointTable(context.api_endpoints)
        hooks = (context.ui or {}).get("hooks") or {}
        label = hooks.get("clientPortalMenu") or {}
        self.is_in_client_portal = bool(str(label.get("label") or "").strip())
        self._secrets_end = context.secrets_end
        self.config = _encode(context)
        """The response of install-config while the secrets are valid."""

    def context_at(self, now: datetime) -> InstallContext:
        """The context, without secrets that have expired."""
        if self._secrets_end is None or now < self._secrets_end:
            return self.context
        return self._expired

    def config_at(self, now: datetime) -> bytes:
        """The response of install-config, without secrets that have expired."""
        if self._secrets_end is None or now < self._secrets_end:
            return self.config
        return self._expired_config

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes: Python's objects need several times as much as their JSON."""
        return 2_000 + 6 * len(msgspec.json.encode(self.context))

    @cached_property
    def _expired(self) -> InstallContext:
        assert self._secrets_end is not None
        return self.context.at(self._secrets_end)

    @cached_property
    def _expired_config(self) -> bytes:
        return _encode(self._expired)


def _encode(context: InstallContext) -> bytes:
    return msgspec.json.encode(
        InstallConfig(
            tenant_id=context.tenant_id,
            extension_slug=context.slug,
            install_id=context.install_id,
            version_id=context.version_id,
            registry_id=context.registry_id,
            content_hash=context.content_hash,
            config=context.config,
            providers=context.providers,
            egress=context.egress,
            updated_at=context.updated_at,
            config_version=UNSET if context.config_version is None else context.config_version,
            secrets_version=UNSET if context.secrets_version is None else context.secrets_version,
            secret_envelope=UNSET if context.secret_envelope is None else context.secret_envelope,
        )
    )
