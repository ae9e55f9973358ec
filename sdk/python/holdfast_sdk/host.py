"""What a handler may ask of its host, as a type; the parts are in bindings.py, which exists only inside a component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast_sdk.bindings import Clients, Http, Invoicing, Logging, Scheduler, Secrets, Services, UiProxy
    from holdfast_sdk.records import User
    from holdfast_sdk.storage import Storage


class Host:
    """The host of one call. In tests of a handler, give any objects with the same functions: `Host(storage=FakeStorage(), …)`."""

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
        """The caller's user. Raises HostError `not-available` where no person called, `not-allowed` without cap:user.read."""
        if self._user is None:
            raise LookupError("this Host was made without a user function")
        found: User = self._user()
        return found
