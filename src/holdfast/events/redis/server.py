"""The Redis server of the settings: its address, and connections with a timeout."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from holdfast.errors import HoldfastError

TIMEOUT_SECONDS = 3.0

FAILURES = (RedisError, OSError, TimeoutError)
"""What a command raises when Redis is unavailable or responds with an error."""


class InvalidRedisUrl(HoldfastError):
    """Raised when a setting, such as RUNNER_DEBUG_REDIS_URL, is not the address of a Redis server."""

    code = "redis_url_unusable"

    def __init__(self, problem: str, variable: str) -> None:
        super().__init__(f"{variable} {problem}.", hint="Write redis://host:6379, or rediss://host:6379 for TLS.")


class RedisServer:
    """Address and credentials of a Redis server. `str` returns the address without credentials."""

    def __init__(
        self, url: str, password: str | None = None, *, timeout: float = TIMEOUT_SECONDS, variable: str = "RUNNER_DEBUG_REDIS_URL"
    ) -> None:
        """`url`, from the setting `variable`, is `redis[s]://[user[:password]@]host[:port][/database]`, with percent-encoded credentials;
        `password`, not encoded, is used when the URL has none. `timeout` is how many seconds Redis has to accept a connection, and to
        respond. Does not connect.

        Raises InvalidRedisUrl.
        """
        self._timeout = timeout
        parts = _checked(url, variable)
        try:
            options: dict[str, Any] = dict(parse_url(url))
        except ValueError:
            raise InvalidRedisUrl("has an option with an invalid value", variable) from None
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
            raise InvalidRedisUrl("has an unknown option", variable) from None

    def __str__(self) -> str:
        return self._address

    def client(self, *, connections: int, block_seconds: float = 0) -> Redis:
        """A client that connects when it is used, with at most `connections` connections. `block_seconds` is how long its commands let
        Redis wait for data; the timeout is added to it.

        Its commands raise the exceptions in `FAILURES`. Text is `str`; characters that UTF-8 cannot encode become `?`.
        """
        return Redis.from_pool(self._pool(connections=connections, block_seconds=block_seconds))

    def _pool(self, *, connections: int, block_seconds: float = 0) -> ConnectionPool:
        own = {
            "max_connections": connections,
            "socket_timeout": block_seconds + self._timeout,
            "socket_connect_timeout": self._timeout,
            "decode_responses": True,
            "encoding_errors": "replace",
            "protocol": 2,  # every server supports it
            "driver_info": None,  # avoids two more commands at the start of every connection
            # Callers retry by themselves: they know when, and must not do it while a call waits.
            "retry": Retry(NoBackoff(), 0),
        }
        if self._connection_class is not None:
            own["connection_class"] = self._connection_class
        return ConnectionPool(**{**self._options, **own})


def reason(failure: BaseException) -> str:
    """Why a command failed, without addresses and secrets: the type of the error, and the code from Redis."""
    code = str(failure).partition(" ")[0] if isinstance(failure, ResponseError) else ""
    return f"{type(failure).__name__} {code}" if code.isalpha() and code.isupper() else type(failure).__name__


def _checked(url: str, variable: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_usable = parts.port is None or parts.port > 0
    except ValueError:
        raise InvalidRedisUrl("is not a URL with a port between 1 and 65535", variable) from None
    if parts.scheme not in ("redis", "rediss"):
        raise InvalidRedisUrl("does not start with redis:// or rediss://", variable)
    if not parts.hostname or not port_is_usable:
        raise InvalidRedisUrl("has no host, or port 0", variable)
    if parts.path.strip("/") and not parts.path.strip("/").isdecimal():
        raise InvalidRedisUrl("has a database that is not a number", variable)
    return parts
