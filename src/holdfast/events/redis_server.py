"""The Redis server that the settings name: its address, and connections to it that give up in time."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from holdfast.errors import HoldfastError

SECONDS = 3.0

FAILURES = (RedisError, OSError, TimeoutError)
"""What a command may raise when Redis is away, or is not as it should be."""


class RedisUrlUnusable(HoldfastError):
    """Raised when RUNNER_DEBUG_REDIS_URL is not the address of a Redis server."""

    code = "redis_url_unusable"

    def __init__(self, problem: str) -> None:
        super().__init__(f"RUNNER_DEBUG_REDIS_URL {problem}.", hint="Write redis://host:6379, or rediss://host:6379 for TLS.")


class RedisServer:
    """Where a Redis is and how one gets in. Its text is the address without credentials."""

    def __init__(self, url: str, password: str | None = None, *, seconds: float = SECONDS) -> None:
        """`url` is `redis[s]://[user[:password]@]host[:port][/database]`, credentials percent-encoded; `password`, as it is, is used when
        the URL has none. `seconds` is how long Redis may take to accept a connection, and to answer. Connects nowhere.

        Raises RedisUrlUnusable.
        """
        self._seconds = seconds
        parts = _checked(url)
        try:
            options: dict[str, Any] = dict(parse_url(url))
        except ValueError:
            raise RedisUrlUnusable("has an option with a value that cannot be") from None
        self._connection_class = options.pop("connection_class", None)
        if password and not options.get("password"):
            options["password"] = password
        self._options = options
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        self._address = f"{parts.scheme}://{host}:{parts.port or 6379}{parts.path}"
        try:
            pool = self._pool(connections=1)
            pool.connection_class(**pool.connection_kwargs)
        except (TypeError, ValueError, RedisError):
            raise RedisUrlUnusable("has an option that is not known") from None

    def __str__(self) -> str:
        return self._address

    def client(self, *, connections: int, waits: float = 0) -> Redis:
        """A client that connects when it is used, at most `connections` times at once. `waits` is how many seconds its commands ask Redis
        to wait before it answers.

        Its commands raise what is in `FAILURES`. Texts are strings; characters that UTF-8 cannot carry become `?`.
        """
        return Redis.from_pool(self._pool(connections=connections, waits=waits))

    def _pool(self, *, connections: int, waits: float = 0) -> ConnectionPool:
        own = {
            "max_connections": connections,
            "socket_timeout": waits + self._seconds,
            "socket_connect_timeout": self._seconds,
            "decode_responses": True,
            "encoding_errors": "replace",
            "protocol": 2,  # what every server speaks
            "driver_info": None,  # or each connection would begin with two questions more
            # Whoever calls knows better when to try again, and must not do so while a call waits.
            "retry": Retry(NoBackoff(), 0),
        }
        if self._connection_class is not None:
            own["connection_class"] = self._connection_class
        return ConnectionPool(**{**self._options, **own})


def reason(failure: BaseException) -> str:
    """Why a command failed, in a word or two that name no address and no secret: the kind of error, and the code Redis gave."""
    code = str(failure).partition(" ")[0] if isinstance(failure, ResponseError) else ""
    return f"{type(failure).__name__} {code}" if code.isalpha() and code.isupper() else type(failure).__name__


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_usable = parts.port is None or parts.port > 0
    except ValueError:
        raise RedisUrlUnusable("is not a URL with a port between 1 and 65535") from None
    if parts.scheme not in ("redis", "rediss"):
        raise RedisUrlUnusable("does not begin with redis:// or rediss://")
    if not parts.hostname or not port_is_usable:
        raise RedisUrlUnusable("names no host, or port 0")
    if parts.path.strip("/") and not parts.path.strip("/").isdecimal():
        raise RedisUrlUnusable("names a database that is not a number")
    return parts
