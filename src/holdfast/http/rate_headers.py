"""`RateLimit-*` response headers of the Internet-Draft draft-ietf-httpapi-ratelimit-headers-06, the last with one field for each value."""

from __future__ import annotations

from holdfast.http.token_bucket import Decision


def rate_headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """The state of a limit: how many requests a full bucket allows, how many it still allows, and the seconds until it is full again."""
    return [
        (b"ratelimit-limit", b"%d" % decision.limit),
        (b"ratelimit-remaining", b"%d" % decision.remaining),
        (b"ratelimit-reset", b"%d" % decision.reset_seconds),
    ]
