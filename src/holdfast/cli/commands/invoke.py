"""`holdfast invoke`: call one endpoint of an extension through a gateway."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.clients import warn_when_unencrypted
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_bytes, print_error, print_json, print_lines
from holdfast.cli.terminal.results.log_lines import LogPrinter
from holdfast.client.gateway import find_gateway
from holdfast.client.invoke import CallMalformed, ExtensionResponse, call_extension
from holdfast.client.logs import read_call
from holdfast.client.target import ServerTarget
from holdfast.errors import HoldfastError

EXIT_OK, EXIT_FAILED = 0, 1
LOG_SECONDS = 10.0
"""How long --verbose waits for the last log line of a call: lines arrive a moment after the response."""


async def invoke(
    extension: str,
    path: str,
    path_after_method: Annotated[str | None, Parameter(show=False)] = None,
    *,
    method: Annotated[
        str | None, Parameter(("--method", "-X"), help="HTTP method. Default: GET, or POST with --data.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        Parameter(
            ("--data", "-d"),
            help="Request body, or @FILE to send a file (@- is stdin). Its type is application/json unless --header sets another.",
            show_default=False,
        ),
    ] = None,
    header: Annotated[
        tuple[str, ...], Parameter(("--header", "-H"), help="Request header as 'Name: value'. Repeat for several headers.", negative="")
    ] = (),
    body: Annotated[bool, Parameter(("--body", "-b"), negative="", help="Print only the body, for pipes.")] = False,
    verbose: Annotated[bool, Parameter(("--verbose", "-v"), negative="", help="Print the call's log lines too, on stderr.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> int:
    """Call an endpoint of an installed extension and print the response.

    It prints status, headers and body, as `curl -i` does, and ends with 1 when the call failed: with a status from 400. The method may also
    precede the path.

    Args:
        extension: The extension's name, `publisher.name` or registry id.
        path: The path of the endpoint, with its query string.
    """
    method, path = _method_and_path(method, path, path_after_method, has_data=data is not None)
    content = None if data is None else await asyncio.to_thread(_content, data)
    warn_when_unencrypted(target.server_target())
    gateway = await find_gateway(target, note)
    response = await call_extension(gateway, extension, method, path, data=content, headers=header)
    if json:
        print_json(response.to_json())
    else:
        if not body:
            print_lines(f"{response.status} {response.reason}".rstrip(), *(f"{name}: {value}" for name, value in response.headers), "")
        print_bytes(response.body)
    if verbose:
        await _print_log(gateway, extension, response)
    return EXIT_FAILED if response.status >= 400 else EXIT_OK


def _method_and_path(method: str | None, path: str, path_after_method: str | None, *, has_data: bool) -> tuple[str, str]:
    if path_after_method is None:
        return method or ("POST" if has_data else "GET"), path
    if method is not None:
        raise CallMalformed("The method is given twice.", hint="Remove --method, or the method before the path.")
    return path, path_after_method


def _content(data: str) -> bytes:
    """The bytes of a body. Raises CallMalformed for a file that cannot be read."""
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as failed:
        raise CallMalformed(f"Cannot read the body from {data[1:]}: {failed.strerror}.", hint="Check --data.") from failed


async def _print_log(gateway: ServerTarget, extension: str, response: ExtensionResponse) -> None:
    """Prints the call's lines, if it reached the extension. An error is only a note: the response was printed."""
    if not response.is_of_extension and response.status not in (502, 504):
        return
    printer = LogPrinter(sys.stderr, with_names=False)
    try:
        async for line in read_call(gateway, extension, response.request_id or "", level="info", seconds=LOG_SECONDS):
            printer.print(line, {})
    except HoldfastError as error:
        note("Cannot read the log lines of the call:")
        print_error(error)
    sys.stderr.flush()
