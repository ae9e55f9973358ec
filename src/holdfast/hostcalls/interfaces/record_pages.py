"""Shared by the interfaces `clients` and `services`: pages of the application's records, read on behalf of the call's user."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from holdfast.hostcalls.application.backend import BackendUnavailable, Service
from holdfast.hostcalls.application.response import ResponseObject, malformed_as
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.interfaces.session import Session

DEFAULT_PAGE = 1
DEFAULT_PAGE_SIZE = 25
MAX_PAGE_SIZE = 100


class ErrorCases:
    """The error cases of one interface, by meaning."""

    def __init__(self, *, not_allowed: StrEnum, invalid_input: StrEnum, internal: StrEnum) -> None:
        self.not_allowed = not_allowed
        self.invalid_input = invalid_input
        self.internal = internal


def page_fields(page: int | None, page_size: int | None, cases: ErrorCases) -> dict[str, Any]:
    """Page and page size for the application. Raises `invalid-input` when they are out of range."""
    page = DEFAULT_PAGE if page is None else page
    page_size = DEFAULT_PAGE_SIZE if page_size is None else page_size
    if page < 1 or not 1 <= page_size <= MAX_PAGE_SIZE:
        raise HostCallError(cases.invalid_input, f"page must be at least 1, and page-size 1 to {MAX_PAGE_SIZE}")
    return {"page": page, "pageSize": page_size}


async def request_records(session: Session, service: Service, operation: str, params: dict[str, Any], cases: ErrorCases) -> ResponseObject:
    """Sends one read operation. Leaves out input fields that are None. Raises HostCallError for every response but a 2xx object."""
    install_id = session.call.usable_install_id
    if install_id is None:
        raise HostCallError(cases.not_allowed, "the call names no install")
    body: dict[str, Any] = {"operation": operation, "input": {name: value for name, value in params.items() if value is not None}}
    user = session.call.user
    if user is not None:
        body["user"] = {"userId": user.user_id, "userType": user.user_type}
    try:
        reply = await session.backend.post(service, install_id, body, session.call.headers)
    except BackendUnavailable as error:
        raise HostCallError(cases.internal, str(error)) from error
    if not reply.ok:
        by_status = {400: cases.invalid_input, 401: cases.not_allowed, 403: cases.not_allowed}
        raise HostCallError(by_status.get(reply.status, cases.internal), reply.error_text)
    with malformed_as(cases.internal):
        return ResponseObject(reply.body)


def page_numbers(response: ResponseObject) -> tuple[int, int, int]:
    """Total count, page and page size of a page. Raises MalformedResponse when one is not a whole number."""
    total, page, page_size = response.count("totalCount"), response.count("page"), response.count("pageSize")
    return total or 0, DEFAULT_PAGE if page is None else page, DEFAULT_PAGE_SIZE if page_size is None else page_size
