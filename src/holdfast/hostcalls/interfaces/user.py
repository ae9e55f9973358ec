"""The interfaces `user` and `user-v2`: the user on whose behalf the call runs."""

from __future__ import annotations

from holdfast.hostcalls.call.context import CallUser
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.functions import WitError
from holdfast.world.types import UserData, UserDataV2, UserError


def _user(session: Session) -> CallUser:
    if session.call.user is None:
        raise WitError(UserError.NOT_AVAILABLE)
    return session.call.user


async def get_user(session: Session) -> UserData:
    """The user of the call. Raises `not-available` for a call without one, such as a scheduled call."""
    user = _user(session)
    return UserData(session.call.tenant_id, user.client_name, user.user_id, user.user_email, user.user_name, user.user_type)


async def get_user_v2(session: Session) -> UserDataV2:
    """The user of the call with client id and additional fields, sorted by name. Raises `not-available` for a call without one."""
    user = _user(session)
    return UserDataV2(
        session.call.tenant_id,
        user.client_name,
        user.user_id,
        user.user_email,
        user.user_name,
        user.user_type,
        user.client_id,
        sorted(user.additional_fields.items()),
    )
