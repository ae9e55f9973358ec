"""What the interfaces `clients` and `services` share: pages of the application's records, read on behalf of the call's user."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from holdfast.hostcalls.answers import Answer, reading
from holdfast.hostcalls.backend import BackendUnavailable, Service
from holdfast.hostcalls.session import Refused, Session

DEFAULT_PAGE = 1
DEFAULT_PAGE_SIZE = 25
MAX_PAGE_SIZE = 100


class Cases:
    """The error cases of one interface by their meaning."""

    def __init__(self, *, not_allowed: StrEnum, invalid_input: StrEnum, internal: StrEnum) -> None:
        self.not_allowed = not_allowed
        self.invalid_input = invalid_input
        self.internal = internal


def page_fields(page: int | None, page_size: int | None, cases: Cases) -> dict[str, Any]:
    """Page and page size for the application. Raises `invalid-input` when they are out of bounds."""
    page = DEFAULT_PAGE if page is None else page
    page_size = DEFAULT_PAGE_SIZE if page_size is None else page_size
    if page < 1 or not 1 <= page_size <= MAX_PAGE_SIZE:
        raise Refused(cases.invalid_input, f"page begins at 1, and page-size is from 1 to {MAX_PAGE_SIZE}")
    return {"page": page, "pageSize": page_size}


async def ask(session: Session, service: Service, operation: str, given: dict[str, Any], cases: Cases) -> Answer:
    """One reading operation. Options that are None are left out. Raises the error case for every answer but a 2xx object."""
    install_id = session.call.usable_install_id
    if install_id is None:
        raise Refused(cases.not_allowed, "the call names no install")
    body: dict[str, Any] = {"operation": operation, "input": {name: value for name, value in given.items() if value is not None}}
    user = session.call.user
    if user is not None:
        body["user"] = {"userId": user.user_id, "userType": user.user_type}
    try:
        reply = await session.backend.post(service, install_id, body)
    except BackendUnavailable as error:
        raise Refused(cases.internal, str(error)) from error
    if not reply.ok:
        by_status = {400: cases.invalid_input, 401: cases.not_allowed, 403: cases.not_allowed}
        raise Refused(by_status.get(reply.status, cases.internal), reply.problem)
    with reading(cases.internal):
        return Answer(reply.body)


def page_numbers(answer: Answer) -> tuple[int, int, int]:
    """Total count, page and page size of a page. Raises Malformed when they are no whole numbers."""
    total, page, page_size = answer.count("totalCount"), answer.count("page"), answer.count("pageSize")
    return total or 0, DEFAULT_PAGE if page is None else page, DEFAULT_PAGE_SIZE if page_size is None else page_size
