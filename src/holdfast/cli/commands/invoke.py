"""`holdfast invoke`: one call of an extension's endpoint, through the gateway of the running platform."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json, load_settings
from holdfast.cli.terminal.printing import print_bytes, print_json, print_lines
from holdfast.client.invoke import call_extension


async def invoke(
    extension: str,
    method: str,
    path: str,
    *,
    data: Annotated[str | None, Parameter(help="The body. Sent as application/json unless --header says otherwise.")] = None,
    header: Annotated[tuple[str, ...], Parameter(help="A header as 'Name: value'. May be given several times.", negative="")] = (),
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Call an installed extension and print its answer: status line, headers with --json, body.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        method: The HTTP method, such as GET or POST.
        path: The path of the endpoint, with its query.
    """
    settings = load_settings(data_dir=data_dir)
    answer = await call_extension(settings.data_dir, extension, method, path, data=data, headers=header)
    if json:
        print_json(answer.to_json())
        return
    print_lines(f"{answer.status} {answer.reason}".rstrip())
    print_bytes(answer.body)
