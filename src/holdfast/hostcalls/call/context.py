"""The context of one call: tenant, install and version, configuration, user."""

from __future__ import annotations

import re

from msgspec import Struct, field

from holdfast.contract.secret_envelope import SecretEnvelope

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_install_id(text: str) -> bool:
    """Whether `text` is a UUID in its usual form, which is safe in a URL path."""
    return _UUID.fullmatch(text) is not None


class CallUser(Struct, frozen=True, kw_only=True):
    """The person on whose behalf the call is made."""

    user_id: str
    user_email: str
    user_name: str
    user_type: str
    client_name: str = ""
    client_id: str | None = None
    additional_fields: dict[str, str] = field(default_factory=dict)


class CallContext(Struct, frozen=True, kw_only=True):
    """One call. `extension_id` is the registry id; `extension_name` is for log lines.

    `egress` has the hosts granted to this install, as written in the manifest, `egress_withheld` those that were not granted; None where
    that is unknown.
    """

    request_id: str | None
    tenant_id: str
    extension_id: str
    extension_name: str | None = None
    install_id: str | None = None
    version_id: str | None = None
    content_hash: str | None = None
    config: dict[str, str] = field(default_factory=dict)
    user: CallUser | None = None
    egress: tuple[str, ...] = ()
    egress_withheld: tuple[str, ...] | None = None
    secrets: SecretEnvelope | None = None

    @property
    def usable_install_id(self) -> str | None:
        """The install id if it is a UUID, else None: anything else must not go into a URL."""
        return self.install_id if self.install_id is not None and is_install_id(self.install_id) else None
