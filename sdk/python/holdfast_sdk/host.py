"""The host functions of a handler, as a type. They are implemented in bindings.py, which works only inside a component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast_sdk.bindings import CallContext, Clients, Http, Invoicing, Logging, Scheduler, Secrets, Services, UiProxy
    from holdfast_sdk.records import User
    from holdfast_sdk.storage import Storage


class Host:
    """The host of one call. To test a handler, pass your own objects with the same functions: `Host(storage=FakeStorage(), …)`."""

    context: CallContext
    logging: Logging
    storage: Storage
    secrets: Secrets
    http: Http
    ui_proxy: UiProxy
    scheduler: Scheduler
    invoicing: Invoicing
    clients: Clients
    services: Services

    def __init__(self, **parts: Any) -> None:
        self._user = parts.pop("user", None)
        for name, part in parts.items():
            setattr(self, name, part)

    def user(self) -> User:
        """The user who made the call. Raises HostError `not-available` when no user did, `not-allowed` without cap:user.read."""
        if self._user is None:
            raise LookupError("This Host has no user function. In a test, pass one: Host(user=lambda: User(…)).")
        found: User = self._user()
        return found
