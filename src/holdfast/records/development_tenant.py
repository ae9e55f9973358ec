"""The tenant and account that a fresh installation starts with. It imports no database, so that every command may use it."""

from __future__ import annotations

from dataclasses import dataclass

DEVELOPMENT_TENANT_ID = "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
DEVELOPMENT_TENANT_NAME = "Development"
DEVELOPMENT_EMAIL = "admin@holdfast.localhost"
DEVELOPMENT_KEY = "development"
"""The description of the account's API key."""


@dataclass(frozen=True)
class DevelopmentAccount:
    """The account of a development installation, in clear text: the content of its credentials file.

    `database` is the address of the database that it is valid in, without password; None in files of older versions.
    """

    tenant_id: str
    tenant_name: str
    email: str
    password: str
    api_key: str
    database: str | None = None
