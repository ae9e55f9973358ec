"""The parts of a manifest below its top level: pages, endpoints, schedules, events."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from holdfast.bundles.manifest.fields.values import (
    Cron,
    EndpointPath,
    InsidePath,
    Label,
    Method,
    PermissionName,
    ScheduledEndpoint,
    Text,
    Timezone,
    route_key,
)
from holdfast.bundles.manifest.parsing.errors import Expected


def field_title(name: str, _: object) -> str:
    """The name of a field as two words instead of one with a hump, for the JSON Schema."""
    return name.replace("_", " ").capitalize()


def model_title(model: type) -> str:
    """The name of a part as people write it, for the JSON Schema."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


class Part(BaseModel):
    """Below the top level, fields that are not known here are tolerated: other hosts may know them."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        field_title_generator=field_title,
        model_title_generator=model_title,
    )


class MenuHook(Part):
    """An entry in a menu."""

    label: Label = Field(description="What the entry says.", examples=["Tickets"])


class UiHooks(Part):
    """Where the extension appears."""

    app_menu: MenuHook | None = Field(None, description="An entry in the menu of the application, for internal users.")
    client_portal_menu: MenuHook | None = Field(
        None, description="An entry in the client portal. It is also the consent that users of clients may call the extension."
    )


class Ui(Part):
    """The page of the extension."""

    type: Literal["iframe"] = Field(description="How the page is shown. There is one way.")
    entry: InsidePath = Field(description="The page in the bundle.", examples=["ui/index.html"])
    hooks: UiHooks | None = Field(None, description="The menus that lead to the page.")


class Endpoint(Part):
    """One route of the handler. What is not declared cannot be called."""

    method: Method = Field(description="The method of HTTP. HEAD is answered by GET, and nothing calls OPTIONS.")
    path: EndpointPath = Field(
        description="The path, in whole segments; `:name` stands for any one that is not empty.", examples=["/items", "/items/:id"]
    )
    handler: InsidePath = Field(description="The handler in the bundle, without its ending.", examples=["dist/main"])
    schedulable: bool = Field(False, description="Whether schedules may call it.")
    permission: PermissionName | None = Field(
        None,
        description="A permission that an internal user needs besides `extension:read` or `extension:write`. Users of clients then need "
        "`clientPortal: true`.",
        examples=["billing:read"],
    )
    client_portal: bool | None = Field(
        None,
        description="`false` withholds the endpoint from users of clients; `true` opens one that has a `permission`. Neither opens "
        "anything when the extension has no entry in the client portal.",
    )


class Api(Part):
    """What can be called."""

    endpoints: list[Endpoint] = Field(max_length=500, description="The routes of the handler; the first one that fits is called.")

    @field_validator("endpoints")
    @classmethod
    def _distinct(cls, endpoints: list[Endpoint]) -> list[Endpoint]:
        seen: set[tuple[str, ...]] = set()
        for index, endpoint in enumerate(endpoints):
            route = route_key(endpoint.method, endpoint.path)
            if route in seen:
                raise Expected("each method and path once", at=(index,), found=f"{endpoint.method} {endpoint.path} again")
            seen.add(route)
        return endpoints


class Schedule(Part):
    """A recurring call that is set up when the extension is installed."""

    endpoint: ScheduledEndpoint = Field(
        description="The path of an endpoint that is `schedulable`, is GET or POST, and has no parameters; with its method before it where "
        "both are.",
        examples=["/daily", "POST /daily"],
    )
    cron: Cron = Field(description="Minute, hour, day of the month, month, day of the week.", examples=["0 9 * * *"])
    timezone: Timezone | None = Field(None, description="Where the hours are read; UTC when there is none.", examples=["Europe/Berlin"])
    name: Label | None = Field(None, max_length=128, description="A name for people, once in an extension.")
    enabled: bool = Field(True, description="Whether it runs from the start.")
    payload: dict[str, Any] | list[Any] | None = Field(None, description="JSON that is sent as the body.")

    @property
    def method(self) -> str | None:
        """The method that was written before the path, if any."""
        return self.endpoint.rpartition(" ")[0] or None

    @property
    def path(self) -> str:
        """The path of the endpoint, with a leading slash."""
        return self.endpoint.rpartition(" ")[2]


class EventHandler(Part):
    """An event to be called for. It is kept; no event is delivered yet."""

    topic: Text = Field(description="The name of the event.", examples=["ticket.created"])
    handler: InsidePath = Field(description="The handler in the bundle, without its ending.", examples=["dist/main"])
