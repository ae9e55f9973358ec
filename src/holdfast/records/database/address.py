"""Where the database is: addresses as people write them, and what is said when nothing answers there."""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from holdfast.errors import HoldfastError

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_HINT = "DATABASE_URL may be postgresql://USER:PASSWORD@HOST:PORT/DATABASE; without it Holdfast keeps an SQLite file in its data folder."
_CONNECT_SECONDS = "10"
_FAILED = " failed: "


class DatabaseUrlUnusable(HoldfastError):
    """Raised when the address of the database is none, or names a kind of database that Holdfast does not use."""

    code = "database_url_unusable"
    status = 500


class DatabaseUnreachable(HoldfastError):
    """Raised when the database cannot be opened: nothing answers, or it does not let Holdfast in."""

    code = "database_unreachable"
    status = 503


def database_address(text: str) -> URL:
    """The address with the driver Holdfast uses: `postgres://`, `postgresql://` and `sqlite:///` need not name it.

    A server that does not answer is given up after ten seconds unless the address says otherwise (`connect_timeout`). Raises
    DatabaseUrlUnusable; its text never holds a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUrlUnusable("The address of the database cannot be read.", hint=_HINT) from error.with_traceback(None)
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise DatabaseUrlUnusable(f"Holdfast does not use databases of the kind {url.drivername!r}.", hint=_HINT)
    url = url.set(drivername=driver)
    if driver.startswith("postgresql") and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": _CONNECT_SECONDS})
    return url


def shown_address(url: URL) -> str:
    """The address for people: without password, driver and options."""
    return url.set(drivername=url.get_backend_name(), query={})._replace(password=None).render_as_string()


def unreachable(url: URL, error: DBAPIError) -> DatabaseUnreachable:
    """What to say to whoever starts Holdfast about a connection that could not be made; the password stays out."""
    hint = "Start it, or correct DATABASE_URL; without DATABASE_URL Holdfast keeps an SQLite file in its data folder."
    return DatabaseUnreachable(f"The database {shown_address(url)} cannot be used: {reason_of(error)}.", hint=hint)


def reason_of(error: DBAPIError) -> str:
    """Why there is no connection, in the words of the server or the driver, without a full stop."""
    # The driver tells of every address that a host name has, and gives advice of its own below.
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    reason = next((line for line in reversed(lines) if _FAILED in line), lines[0]).rpartition(_FAILED)[2]
    return reason.removeprefix("FATAL:").strip().removesuffix(".")
