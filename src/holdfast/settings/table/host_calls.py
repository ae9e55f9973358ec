"""Settings: host calls."""

from __future__ import annotations

from typing import ClassVar, Literal

from holdfast.settings.table.fields import SecretStr, prefixed, setting
from holdfast.settings.table.kinds import HttpUrl, SettingsGroup


class HostCallSettings(SettingsGroup):
    """What extensions may reach over the network and through the application."""

    title: ClassVar[str] = "Host calls"

    egress_allowlist: str = setting(
        "",
        variables=prefixed("EXT_EGRESS_ALLOWLIST"),
        description="Comma-separated hosts that every extension with cap:http.fetch may call, in addition to its declared hosts. "
        "In development an entry such as `http://localhost:18080` allows a port of this machine.",
    )
    egress_mode: Literal["enforce", "report"] = setting(
        "enforce",
        variables=prefixed("EXT_EGRESS_MODE"),
        description="`report` reaches public hosts that no entry allows, and reports each such fetch; only in development. "
        "Private addresses are refused in both modes.",
    )
    ui_proxy_base_url: HttpUrl | None = setting(
        None,
        variables=prefixed("UI_PROXY_BASE_URL"),
        description="Base of ui-proxy.call-route; unset means route-not-found, and with `holdfast up` the platform itself.",
    )
    ui_proxy_timeout_ms: int = setting(
        5_000, gt=0, variables=prefixed("UI_PROXY_TIMEOUT_MS"), description="Time limit of one call-route, in milliseconds."
    )
    ui_proxy_auth_key: SecretStr | None = setting(
        None,
        variables=prefixed("UI_PROXY_AUTH_KEY"),
        description="Accepted but never sent, as in the existing runner: it would give an extension the rights of a service.",
    )
