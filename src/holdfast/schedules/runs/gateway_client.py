"""Has the gateway make the calls: over HTTP, with the token that services share."""

from __future__ import annotations

import msgspec

from holdfast.contract.background_call import PATH, BackgroundCall, BackgroundResult
from holdfast.http.client import ClientError, HttpClient, credentials_of, parse_origin

MAX_RESPONSE_BYTES = 64 * 1024
MAX_CONNECTIONS = 128

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(BackgroundResult).decode


class GatewayUnavailable(Exception):
    """Raised when there is no usable response: it is not known whether the call was executed. The text says what happened."""


class GatewayClient:
    """The gateway at one address."""

    def __init__(self, base_url: str, token: str, *, timeout: float) -> None:
        """`timeout` is seconds for one attempt of a call. Raises ValueError for a base URL that is not http(s)."""
        address, prefix = parse_origin(base_url.rstrip("/"))
        headers = {**credentials_of(base_url), "x-runner-auth": token, "content-type": "application/json"}
        self._client = HttpClient(address, headers, prefix=prefix, max_connections=MAX_CONNECTIONS, max_idle=8)
        self._timeout = timeout

    async def call(self, call_id: str, call: BackgroundCall) -> BackgroundResult:
        """The result of an attempt. Raises GatewayUnavailable."""
        try:
            response = await self._client.request(
                "POST", f"{PATH}{call_id}", {}, _encode(call), timeout=self._timeout, max_bytes=MAX_RESPONSE_BYTES
            )
        except TimeoutError:
            raise GatewayUnavailable(f"the gateway did not respond within {self._timeout:g} s") from None
        except ClientError as error:
            raise GatewayUnavailable(f"the gateway is not reachable ({type(error).__name__})") from error
        if response.status != 200:
            raise GatewayUnavailable(f"the gateway responded with status {response.status}")
        try:
            return _decode(response.body)
        except msgspec.DecodeError as error:
            raise GatewayUnavailable("the gateway's response is not valid") from error

    async def close(self) -> None:
        """Closes the connections. Calls that run raise GatewayUnavailable."""
        await self._client.close()
