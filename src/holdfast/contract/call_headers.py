"""Headers with which a runner tells the application, for a host call, which call of an extension it is for.

They are Holdfast's own: another application ignores them, and another runner does not send them.
"""

from __future__ import annotations

USER_HEADER = "x-holdfast-user-id"
"""The id of the user on whose behalf the extension is called."""
SCHEDULE_HEADER = "x-holdfast-schedule-id"
"""The id of the schedule that calls the extension. There is no user then."""
IDEMPOTENCY_KEY_HEADER = "x-idempotency-key"
"""The same for repetitions of the same host call."""
IDEMPOTENCY_KEY_MAX_LENGTH = 128
