"""Issuing, listing and revoking API keys. The key itself is shown once; afterwards its prefix identifies it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Select, or_, select, update

from holdfast.records.account_types import EVERYTHING, ApiKeySummary
from holdfast.records.administration import find_user
from holdfast.records.api_keys import add_api_key
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid
from holdfast.records.errors import AccountError
from holdfast.records.models.users import ApiKey, User
from holdfast.records.tokens import token_hash

MAX_SCOPES = 50
MAX_DESCRIPTION_LENGTH = 255
_SCOPE = re.compile(r"[a-z][a-z0-9_.-]{0,62}:[a-z][a-z0-9_.-]{0,62}", re.ASCII)


def checked_scopes(scopes: Iterable[str], *, within: frozenset[str] | None = None) -> list[str]:
    """The scopes sorted, each once: `resource:action` or `*`.

    `within` are the scopes of the key that creates this one (None: a person does). Raises AccountError (`invalid_scopes`) without scopes,
    for more than MAX_SCOPES, for invalid ones, and for one that `within` does not have.
    """
    wanted = sorted(set(scopes))
    wrong = [scope[:128] for scope in wanted if scope != EVERYTHING and not _SCOPE.fullmatch(scope)]
    if not wanted or wrong or len(wanted) > MAX_SCOPES:
        raise AccountError(
            "invalid_scopes",
            f"A key has 1 to {MAX_SCOPES} scopes, each of the form resource:action, or '*' for everything.",
            hint="Such as extension:read.",
            details={"scopes": wrong[:MAX_SCOPES]},
        )
    if within is not None and EVERYTHING not in within and (more := sorted(set(wanted) - within)):
        raise AccountError(
            "invalid_scopes",
            "An API key cannot create a key with more scopes than its own.",
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
    """Creates a key that acts as a user of the tenant (id or email address). Returns its summary, and the key, which is shown only here.

    `within` are the scopes of the key that creates this one, `until` is its expiry: the new key cannot have more, nor live longer. Raises
    AccountError (`user_unknown`, `invalid_api_key`, `invalid_scopes`; see `checked_scopes`).
    """
    checked, made = checked_scopes(scopes, within=within), now()
    if expires_at is not None and expires_at <= made:
        raise AccountError("invalid_api_key", "The key would have expired already.", hint="Choose an expiry in the future.")
    if until is not None and (expires_at is None or expires_at > until):
        raise AccountError(
            "invalid_api_key", "An API key cannot create a key that expires later than itself.", hint=f"It expires at {until.isoformat()}."
        )
    if description is not None and not (0 < len(description) <= MAX_DESCRIPTION_LENGTH and description.isprintable()):
        raise AccountError(
            "invalid_api_key", f"The description of a key has 1 to {MAX_DESCRIPTION_LENGTH} characters and no control characters."
        )
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

    Raises AccountError (`api_key_unknown`, `ambiguous_api_key`).
    """
    known_id = as_uuid(key)
    named = ApiKey.api_key_id == known_id if known_id else or_(ApiKey.prefix == key, ApiKey.key_hash == token_hash(key))
    async with db.transaction() as session:
        found = (await session.execute(_keys(tenant_id).where(named).order_by(ApiKey.revoked).limit(2))).all()
        if not found:
            # Not quoted: it can be the key itself.
            raise AccountError("api_key_unknown", "No such API key found.", hint="`holdfast keys api list` shows the keys with their ids.")
        if len(found) == 2 and not found[1][0].revoked:
            raise AccountError("ambiguous_api_key", "Several API keys have this prefix.", hint="Use its id.")
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
