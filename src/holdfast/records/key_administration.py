"""Issuing, listing and revoking API keys. The key itself is shown once; afterwards people know it by its beginning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Select, or_, select, update

from holdfast.errors import HoldfastError
from holdfast.records.administration import find_user
from holdfast.records.api_keys import add_api_key
from holdfast.records.database.columns import as_uuid, utc_now
from holdfast.records.database.database import Database
from holdfast.records.models.people import ApiKey, User
from holdfast.records.tokens import token_hash

EVERYTHING = "*"
SCOPES_MAX = 50
DESCRIPTION_MAX = 255
_SCOPE = re.compile(r"[a-z][a-z0-9_.-]{0,62}:[a-z][a-z0-9_.-]{0,62}", re.ASCII)


class InvalidScopes(HoldfastError):
    """Raised when a key is to have scopes that are none, or more than whoever makes it may give."""

    code = "invalid_scopes"
    status = 400


class InvalidKey(HoldfastError):
    """Raised when a key would have expired already, or its description is too long."""

    code = "invalid_api_key"
    status = 400


class ApiKeyUnknown(HoldfastError):
    """Raised when a tenant has no such key."""

    code = "api_key_unknown"
    status = 404


class AmbiguousApiKey(HoldfastError):
    """Raised when several keys begin with what was given."""

    code = "ambiguous_api_key"
    status = 409


class ApiKeySummary(Struct, frozen=True, kw_only=True):
    """A key without the key itself: `prefix` is its beginning. It acts as the user, within `scopes` (`*` is everything)."""

    api_key_id: str
    prefix: str
    user_id: str
    email: str
    description: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked: bool


def checked_scopes(scopes: Iterable[str], *, within: frozenset[str] | None = None) -> list[str]:
    """The scopes sorted, each once: `resource:action` or `*`.

    `within` are the scopes of the key that asks for this one (None: a person asks). Raises InvalidScopes for none, for more than
    SCOPES_MAX, for what is no scope, and for one that `within` does not have.
    """
    wanted = sorted(set(scopes))
    wrong = [scope[:128] for scope in wanted if scope != EVERYTHING and not _SCOPE.fullmatch(scope)]
    if not wanted or wrong or len(wanted) > SCOPES_MAX:
        raise InvalidScopes(
            f"A key has 1 to {SCOPES_MAX} scopes, each of the form resource:action, or '*' for everything.",
            hint="Such as extension:read.",
            details={"scopes": wrong[:SCOPES_MAX]},
        )
    if within is not None and EVERYTHING not in within and (more := sorted(set(wanted) - within)):
        raise InvalidScopes(
            "An API key cannot make a key that may do more than itself.",
            hint=f"Its own scopes are: {', '.join(sorted(within)) or 'none'}.",
            details={"scopes": more},
        )
    return wanted


async def issue_api_key(
    db: Database,
    *,
    tenant_id: str,
    user: str,
    description: str | None = None,
    scopes: Iterable[str] = (EVERYTHING,),
    within: frozenset[str] | None = None,
    expires_at: datetime | None = None,
    until: datetime | None = None,
    now: Callable[[], datetime] = utc_now,
) -> tuple[ApiKeySummary, str]:
    """Makes a key that acts as a user of the tenant (id or email address). Returns it, and the key, which is seen only here.

    `within` are the scopes of the key that asks for this one, `until` is when that key ends: this one may not more, and not for longer.
    Raises UserUnknown, InvalidScopes (see `checked_scopes`), InvalidKey.
    """
    checked, made = checked_scopes(scopes, within=within), now()
    if expires_at is not None and expires_at <= made:
        raise InvalidKey("The key would have expired already.", hint="Let it expire at a time to come.")
    if until is not None and (expires_at is None or expires_at > until):
        raise InvalidKey("An API key cannot make a key that lives longer than itself.", hint=f"It expires at {until.isoformat()}.")
    if description is not None and not (0 < len(description) <= DESCRIPTION_MAX and description.isprintable()):
        raise InvalidKey(f"The description of a key has 1 to {DESCRIPTION_MAX} characters and no control characters.")
    async with db.transaction() as session:
        owner = await find_user(session, tenant_id, user)
        key, row = add_api_key(session, tenant_id, owner.user_id, description, checked, expires_at, made)
        await session.flush()
        return _summary(row, owner.email), key


async def list_api_keys(db: Database, *, tenant_id: str) -> list[ApiKeySummary]:
    """Every key of the tenant, newest first, those that are revoked or expired too."""
    query = _keys(tenant_id).order_by(ApiKey.created_at.desc(), ApiKey.api_key_id)
    async with db.session() as session:
        return [_summary(row, email) for row, email in (await session.execute(query)).all()]


async def revoke_api_key(db: Database, *, tenant_id: str, key: str) -> ApiKeySummary:
    """Revokes a key of the tenant, named by its id, its prefix or the key itself; no effect on one that is revoked.

    Raises ApiKeyUnknown, AmbiguousApiKey.
    """
    known_id = as_uuid(key)
    named = ApiKey.api_key_id == known_id if known_id else or_(ApiKey.prefix == key, ApiKey.key_hash == token_hash(key))
    async with db.transaction() as session:
        found = (await session.execute(_keys(tenant_id).where(named).order_by(ApiKey.revoked).limit(2))).all()
        if not found:
            # Not quoted: it can be the key itself.
            raise ApiKeyUnknown("There is no such API key here.", hint="`holdfast keys api list` shows the keys with their ids.")
        if len(found) == 2 and not found[1][0].revoked:
            raise AmbiguousApiKey("Several API keys begin like this.", hint="Name the one you mean by its id.")
        row, email = found[0]
        await session.execute(update(ApiKey).where(ApiKey.tenant == tenant_id, ApiKey.api_key_id == row.api_key_id).values(revoked=True))
        return _summary(row, email)


def _keys(tenant_id: str) -> Select[ApiKey, str]:
    owner = (User.user_id == ApiKey.user_id) & (User.tenant == ApiKey.tenant)
    return select(ApiKey, User.email).join(User, owner).where(ApiKey.tenant == tenant_id)


def _summary(row: ApiKey, email: str) -> ApiKeySummary:
    return ApiKeySummary(
        api_key_id=row.api_key_id,
        prefix=row.prefix,
        user_id=row.user_id,
        email=email,
        description=row.description,
        scopes=row.scopes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked=row.revoked,
    )
