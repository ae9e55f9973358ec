"""Database addresses, and the errors for a database that cannot be reached."""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from holdfast.records.database.errors import DatabaseError

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


def database_address(text: str) -> URL:
    """The address with the driver Holdfast uses: `postgres://`, `postgresql://` and `sqlite:///` need not name it.

    Connecting times out after ten seconds unless the address has another `connect_timeout`. Raises
    DatabaseError (`database_url_unusable`); its text never holds a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        unreadable = DatabaseError("database_url_unusable", "The address of the database cannot be read.", hint=_HINT)
        raise unreadable from error.with_traceback(None)
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise DatabaseError("database_url_unusable", f"Holdfast does not use databases of the kind {url.drivername!r}.", hint=_HINT)
    url = url.set(drivername=driver)
    if driver.startswith("postgresql") and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": _CONNECT_SECONDS})
    return url


def shown_address(url: URL) -> str:
    """The address for people: without password, driver and options."""
    return url.set(drivername=url.get_backend_name(), query={})._replace(password=None).render_as_string()


def unreachable(url: URL, error: DBAPIError) -> DatabaseError:
    """The error for a connection that failed at the start. It never holds the password."""
    hint = "Start it, or correct DATABASE_URL; without DATABASE_URL Holdfast keeps an SQLite file in its data folder."
    return DatabaseError("database_unreachable", f"The database {shown_address(url)} cannot be used: {reason_of(error)}.", hint=hint)


def reason_of(error: DBAPIError) -> str:
    """Why connecting failed, in the words of the server or the driver, without a full stop."""
    # The driver reports every address of a host name, and appends advice of its own.
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    reason = next((line for line in reversed(lines) if _FAILED in line), lines[0]).rpartition(_FAILED)[2]
    return reason.removeprefix("FATAL:").strip().removesuffix(".")
