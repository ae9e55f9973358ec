"""The context of one call: tenant, install and version, configuration, user."""

from __future__ import annotations

import re

from msgspec import Struct, field

from holdfast.contract.call_headers import SCHEDULE_HEADER, USER_HEADER
from holdfast.contract.secret_envelope import SecretEnvelope

# What is safe in a header.
_ID = re.compile(r"[!-~]{1,128}")
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
    """One call. `extension_id` is the registry id; `extension_name` and `extension_version` are for log lines and the
    `User-Agent` of fetches.

    `egress` has the hosts granted to this install, as written in the manifest, `egress_withheld` those that were not granted; None where
    that is unknown. `schedule_id` is the schedule that makes the call, if one does. `repeatable_as` are texts that together are the same
    when the call is repeated, and differ between any two other calls; empty where that is unknown. `ui_proxy_routes` are the routes of the
    application that the version declares; None where the caller of the runner leaves them to the application. `call_token` proves to the
    application for which call a request is made.
    """

    request_id: str | None
    tenant_id: str
    extension_id: str
    extension_name: str | None = None
    extension_version: str | None = None
    install_id: str | None = None
    version_id: str | None = None
    content_hash: str | None = None
    config: dict[str, str] = field(default_factory=dict)
    user: CallUser | None = None
    schedule_id: str | None = None
    repeatable_as: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    egress_withheld: tuple[str, ...] | None = None
    ui_proxy_routes: tuple[str, ...] | None = None
    call_token: str | None = None
    secrets: SecretEnvelope | None = None

    @property
    def usable_install_id(self) -> str | None:
        """The install id if it is a UUID, else None: anything else must not go into a URL."""
        return self.install_id if self.install_id is not None and is_install_id(self.install_id) else None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell the application on whose behalf the call is made."""
        if self.user is not None:
            return {USER_HEADER: self.user.user_id} if _ID.fullmatch(self.user.user_id) else {}
        return {SCHEDULE_HEADER: self.schedule_id} if self.schedule_id is not None and _ID.fullmatch(self.schedule_id) else {}
