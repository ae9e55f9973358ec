"""One runner: sends it calls in the form that it reads, and turns its responses into envelopes or errors."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import structs

from holdfast.contract.execute import NOT_EXECUTED_HEADER, PREPARED_ONLY_HEADER, USAGE_HEADER, Envelope, ExecuteCall
from holdfast.contract.frames import FRAME_TYPE, MalformedFrame, decode_envelope, encode_call
from holdfast.gateway.http.errors import BadGateway, GatewayTimeout
from holdfast.gateway.runners.connections import RunnerConnections
from holdfast.http.client import ClientError, InvalidResponse, NotSent, Response, ResponseTooLarge
from holdfast.settings.origins import without_password

# A response body is at most 2.5 MiB, a third more as base64; the rest is for headers and the report of a failure.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
HINT = "Check that the runner runs: GET /healthz on its port. `holdfast up` starts it."

_JSON = "application/json"
_FRAME_TYPE = FRAME_TYPE.encode()
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Envelope).decode
_NOT_EXECUTED = NOT_EXECUTED_HEADER.encode()
_UNSUPPORTED = 415


class NotExecuted(Exception):
    """Raised when a runner has executed nothing of a call, so another one may get it."""


class _ConnectionRetired(NotExecuted):
    """Raised when the runner said that it executes nothing on this connection."""


class Runner:
    """A runner at `base_url` (scheme, host, port and, behind a proxy, a path).

    `name` is the address for people. `is_up` is its health at the latest check. `running` counts the calls of this gateway that wait for
    its response.
    """

    def __init__(self, base_url: str, token: str, *, socket_dir: Path | None = None) -> None:
        """`token` proves to it that this is the gateway. Raises ValueError when `base_url` is not an http(s) address."""
        self.base_url = base_url.rstrip("/")
        self.name = without_password(self.base_url)
        self.is_up = True
        self.running = 0
        self._reads_frames = False
        headers = {"x-runner-service-token": token, "accept": f"{FRAME_TYPE}, {_JSON}", USAGE_HEADER: "1"}
        self._connections = RunnerConnections(base_url, headers, socket_dir=socket_dir)

    async def execute(
        self, call: ExecuteCall, body: bytes | None, headers: Mapping[str, str], *, seconds: float, prepared_only: bool
    ) -> Envelope:
        """Makes one call. `body_b64` of the call is `""` when there is a `body`, else absent. Waits `seconds` for the whole response.

        With `prepared_only`, a runner that would have to fetch or compile the bundle first reports `being_prepared` instead. Raises
        NotExecuted, GatewayTimeout, and BadGateway when the response is lost or invalid.
        """
        self.running += 1
        try:
            try:
                return await self._execute(call, body, headers, seconds, prepared_only)
            except _ConnectionRetired:
                # The process behind this connection is stopping. Another one of the runner may go on.
                return await self._execute(call, body, headers, seconds, prepared_only)
        finally:
            self.running -= 1

    async def _execute(
        self, call: ExecuteCall, body: bytes | None, headers: Mapping[str, str], seconds: float, prepared_only: bool
    ) -> Envelope:
        sent = {**headers, PREPARED_ONLY_HEADER: "1"} if prepared_only else headers
        if self._reads_frames:
            response = await self._post(call, FRAME_TYPE, encode_call(call, body), sent, seconds)
            if response.status != _UNSUPPORTED:
                return _read(response)
            # Another runner has this address now. It has executed nothing.
            self._reads_frames = False
        response = await self._post(call, _JSON, _ENCODE(_in_json(call, body)), sent, seconds)
        self._reads_frames = response.status == 200 and _is_frame(response)
        return _read(response)

    async def prepare(self, place: Mapping[str, str], *, wait_ms: int, seconds: float) -> int:
        """Asks it to fetch and compile a bundle; returns the status of the response: 200 ready, 202 not within `wait_ms`.

        `place` has `tenant_id`, `extension_id` and `content_hash`. Raises ClientError, TimeoutError.
        """
        content = json.dumps({**place, "wait_ms": wait_ms}).encode()
        response = await self._connections.post("/warmup", {"content-type": _JSON}, content, timeout=seconds, max_bytes=64 * 1024)
        return response.status

    async def close(self) -> None:
        """Closes its connections; running calls fail."""
        await self._connections.close()

    async def _post(self, call: ExecuteCall, form: str, content: bytes, headers: Mapping[str, str], seconds: float) -> Response:
        try:
            return await self._connections.post(
                "/v1/execute", {**headers, "content-type": form}, content, timeout=seconds, max_bytes=MAX_RESPONSE_BYTES
            )
        except NotSent as error:
            raise NotExecuted(str(error)) from error
        except TimeoutError as error:
            message = f"The extension did not respond within {call.limits.timeout_ms} ms."
            raise GatewayTimeout(message, details={"code": "timeout"}) from error
        except ResponseTooLarge as error:
            raise BadGateway("The response from the runner is too large.", details={"code": "invalid_response"}) from error
        except InvalidResponse as error:
            raise BadGateway("Invalid response from the runner.", details={"code": "invalid_response"}) from error
        except ClientError as error:
            message = "The runner closed the connection before its response was complete."
            raise BadGateway(message, hint=HINT, details={"code": "runner_transport_error"}) from error


def _in_json(call: ExecuteCall, body: bytes | None) -> ExecuteCall:
    if body is None:
        return call
    return structs.replace(call, http=structs.replace(call.http, body_b64=base64.b64encode(body).decode()))


def _is_frame(response: Response) -> bool:
    return response.header(b"content-type") == _FRAME_TYPE


def _read(response: Response) -> Envelope:
    # The body of an HTTP error from the runner is neither passed on nor logged: it may quote the request.
    if response.status != 200:
        if response.header(_NOT_EXECUTED) is not None:
            raise _ConnectionRetired(f"the runner takes no more calls (status {response.status})")
        raise BadGateway(
            f"The runner rejected the call with status {response.status}.",
            details={"code": "runner_error", "runnerStatus": response.status},
        )
    if not response.body:
        raise BadGateway("The response from the runner is empty.", details={"code": "empty_response"})
    try:
        return decode_envelope(response.body) if _is_frame(response) else _DECODE(response.body)
    except (MalformedFrame, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadGateway("Invalid response from the runner.", details={"code": "invalid_response"}) from error
