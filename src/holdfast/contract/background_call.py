"""Request and response of `POST /api/internal/ext-background/calls/{call id}`: the scheduler has the gateway call an extension.

There is no user. The id of the call is the idempotency key that the extension receives. A call may be attempted several times: `number`
counts its attempts. The same number again, after a lost response, returns the recorded result of that attempt, or joins it while it runs.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

PATH = "/api/internal/ext-background/calls/"

Trigger = Literal["schedule", "event"]


class BackgroundCall(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt. `path` starts with `/`; `body_b64` is standard base64, None for no body; `number` starts at 1.

    `headers` are further headers for the guest, with lower-case names. `requires` is a capability without which the install is not called.
    """

    tenant_id: str
    install_id: str
    number: int
    method: str
    path: str
    trigger: Trigger
    schedule_id: str | None = None
    headers: dict[str, str] = {}
    body_b64: bytes | None = None
    requires: str | None = None


class BackgroundResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """How an attempt ended. `skipped`: nothing was executed, and nothing should be, such as for a disabled install.

    `code` says why it is not a success: `install_unavailable`, `capability_missing`, `endpoint_missing`, `quota_exceeded`,
    `extension_status`, `response_too_large`, `timeout`, or the code of another failure. `retryable` is whether a further attempt may
    succeed. `repeats` counts how often the attempt was sent again because the gateway that made it ended before its result was recorded.
    """

    status: Literal["success", "error", "skipped"]
    code: str | None = None
    error: str | None = None
    http_status: int | None = None
    retryable: bool = False
    repeats: int = 0
