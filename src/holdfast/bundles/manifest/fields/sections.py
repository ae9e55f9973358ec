"""The sections of a manifest below its top level: page, endpoints, schedules, events."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from holdfast.bundles.manifest.fields.values import (
    Cron,
    EndpointPath,
    EventEndpoint,
    HeaderName,
    InsidePath,
    Label,
    Method,
    PermissionName,
    ProxyRoute,
    ScheduledEndpoint,
    Text,
    Timezone,
    route_key,
)
from holdfast.bundles.manifest.parsing.errors import Expected


def field_title(name: str, _: object) -> str:
    """The title of a field in the JSON Schema: its name as separate words."""
    return name.replace("_", " ").capitalize()


def model_title(model: type) -> str:
    """The title of a section in the JSON Schema: its class name as separate words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


class Section(BaseModel):
    """A section below the top level. Unknown fields are ignored, because other hosts may know them."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        field_title_generator=field_title,
        model_title_generator=model_title,
    )


class MenuHook(Section):
    """An entry in a menu."""

    label: Label = Field(description="The text of the entry.", examples=["Tickets"])


class UiHooks(Section):
    """The menus that the extension appears in."""

    app_menu: MenuHook | None = Field(None, description="An entry in the application's menu, for internal users.")
    client_portal_menu: MenuHook | None = Field(
        None, description="An entry in the client portal. It also allows client users to call the extension."
    )


class Ui(Section):
    """The page of the extension."""

    type: Literal["iframe"] = Field(description="How the page is shown: in an iframe.")
    entry: InsidePath = Field(description="The path of the page in the bundle.", examples=["ui/index.html"])
    hooks: UiHooks | None = Field(None, description="The menus that link to the page.")


class Endpoint(Section):
    """One endpoint of the handler. Only declared endpoints can be called."""

    method: Method = Field(description="The HTTP method. A HEAD request calls the GET endpoint; OPTIONS is never called.")
    path: EndpointPath = Field(
        description="The path. A segment `:name` matches any one non-empty segment.", examples=["/items", "/items/:id"]
    )
    handler: InsidePath = Field(description="The path of the handler in the bundle, without file extension.", examples=["dist/main"])
    schedulable: bool = Field(False, description="Whether schedules may call the endpoint.")
    permission: PermissionName | None = Field(
        None,
        description="A permission that an internal user needs in addition to `extension:read` or `extension:write`. Client users can then "
        "call the endpoint only with `clientPortal: true`.",
        examples=["billing:read"],
    )
    client_portal: bool | None = Field(
        None,
        description="`false` closes the endpoint to client users; `true` opens an endpoint that has a `permission`. Without an "
        "entry in the client portal, client users can call nothing.",
    )
    request_headers: list[HeaderName] = Field(
        default_factory=list,
        max_length=20,
        description="Further request headers that the endpoint receives, such as the signature of a webhook. Never credentials, headers of "
        "the connection, or headers that the gateway sets.",
        examples=[["stripe-signature"]],
    )


class Api(Section):
    """The endpoints that the extension serves."""

    endpoints: list[Endpoint] = Field(
        max_length=500, description="The endpoints of the handler. The first one that matches a request is called."
    )
    request_headers: list[HeaderName] = Field(
        default_factory=list,
        max_length=20,
        description="Further request headers that every endpoint receives, in addition to its own `requestHeaders`.",
        examples=[["x-github-event", "x-hub-signature-256"]],
    )

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


class UiProxy(Section):
    """What the handler may call through `uiProxy.callRoute`."""

    routes: list[ProxyRoute] = Field(
        default_factory=list,
        max_length=100,
        description="Routes of the application, with the rights of the user who makes the call. A segment `:name` matches any one segment. "
        "Routes that do not start with `/api/` are the extension's own, and need no entry.",
        examples=[["GET /api/v1/tickets", "POST /api/v1/tickets/:id/comments"]],
    )


class Schedule(Section):
    """A scheduled call that is created when the extension is installed."""

    endpoint: ScheduledEndpoint = Field(
        description="The path of a `schedulable` GET or POST endpoint without parameters. If both methods exist, put the method before "
        "the path.",
        examples=["/daily", "POST /daily"],
    )
    cron: Cron = Field(description="Minute, hour, day of the month, month, day of the week.", examples=["0 9 * * *"])
    timezone: Timezone | None = Field(None, description="The time zone of the schedule. Default: UTC.", examples=["Europe/Berlin"])
    name: Label | None = Field(None, max_length=128, description="A name that users see, unique in the extension.")
    enabled: bool = Field(True, description="Whether the schedule is enabled after the install.")
    payload: dict[str, Any] | list[Any] | None = Field(None, description="JSON that is sent as the request body.")

    @property
    def method(self) -> str | None:
        """The method before the path; None without one."""
        return self.endpoint.rpartition(" ")[0] or None

    @property
    def path(self) -> str:
        """The path of the endpoint, with a leading slash."""
        return self.endpoint.rpartition(" ")[2]


class EventHandler(Section):
    """A topic of events that the extension subscribes to."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["endpoint"]}, {"required": ["handler"]}]})

    topic: Text = Field(description="The name of the event.", examples=["client.created"])
    endpoint: EventEndpoint | None = Field(
        None,
        description="The endpoint that receives the events: `POST` and the path of an endpoint without parameters.",
        examples=["POST /events"],
    )
    handler: InsidePath | None = Field(
        None, description="For information only: events are delivered to an `endpoint`.", examples=["dist/main"]
    )
