"""`holdfast invoke`: call one endpoint of an extension through the gateway of the running platform."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_bytes, print_json, print_lines
from holdfast.client.invoke import call_extension
from holdfast.client.location.find import find_location


async def invoke(
    extension: str,
    method: str,
    path: str,
    *,
    data: Annotated[str | None, Parameter(help="Request body. Its type is application/json unless --header sets another.")] = None,
    header: Annotated[tuple[str, ...], Parameter(help="Request header as 'Name: value'. Repeat for several headers.", negative="")] = (),
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Call an endpoint of an installed extension and print the response.

    It prints the status line and the body; --json adds the headers.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        method: The HTTP method, such as GET or POST.
        path: The path of the endpoint, with its query string.
    """
    async with find_location(data_dir, report=note) as location:
        credentials = None if location.platform is None else location.platform.credentials
        response = await call_extension(
            location.settings.data_dir, extension, method, path, data=data, headers=header, credentials=credentials
        )
    if json:
        print_json(response.to_json())
        return
    print_lines(f"{response.status} {response.reason}".rstrip())
    print_bytes(response.body)
