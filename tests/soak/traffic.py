"""Mixed traffic: callers of several tenants and extensions, each of which checks every response that it gets."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.waiting import MAX_WAIT_SECONDS

UNAVAILABLE = frozenset({429, 502, 503, 504})
"""How the gateway and an extension report that something behind them does not respond. Every other status but 200 is wrong."""


@dataclass(frozen=True)
class Target:
    """An extension of a tenant, and a key that may call it."""

    tenant: str
    registry_id: str
    api_key: str


@dataclass
class Seen:
    """What the callers saw. `answered` has the request ids of the calls with status 200, `written` the keys whose write was confirmed."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    answered: list[str] = field(default_factory=list)
    written: list[tuple[Target, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


class Traffic:
    """Callers that call until `stop`."""

    def __init__(self, origin: str, targets: list[Target], *, callers: int, seed: int) -> None:
        self.seen = Seen()
        self._targets = targets
        self._numbers = itertools.count()
        self._stopping = asyncio.Event()
        self._client = httpx2.AsyncClient(base_url=origin, trust_env=False, timeout=MAX_WAIT_SECONDS)
        self._tasks = [asyncio.create_task(self._call_until_stop(random.Random(seed + number))) for number in range(callers)]

    async def stop(self) -> Seen:
        """Ends the callers after the call that each of them makes."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        await self._client.aclose()
        return self.seen

    async def _call_until_stop(self, chosen: random.Random) -> None:
        while not self._stopping.is_set():
            target = chosen.choice(self._targets)
            number = f"call-{next(self._numbers)}"
            kind = chosen.random()
            if kind < 0.5:
                await self._call(target, number, "GET", f"/echo/{number}", name=number, stored=None)
            elif kind < 0.8 or not self.seen.written:
                if await self._call(target, number, "POST", f"/records/{number}", name=number, stored=number):
                    self.seen.written.append((target, number))
            else:
                owner, key = chosen.choice(self.seen.written)
                await self._call(owner, number, "GET", f"/records/{key}", name=key, stored=key)
            # People and programs pause; without this, callers would only measure how fast refusals are.
            await asyncio.sleep(chosen.uniform(0, 0.02))

    async def _call(self, target: Target, request_id: str, method: str, path: str, *, name: str, stored: str | None) -> bool:
        """Whether it was answered with 200."""
        headers = {"x-api-key": target.api_key, "x-request-id": request_id}
        try:
            response = await self._client.request(method, f"/api/ext/{target.registry_id}{path}", headers=headers)
        except httpx2.HTTPError as error:
            self.seen.unanswered.append(f"{request_id} {method} {path}: {error!r}")
            return False
        self.seen.statuses[response.status_code] += 1
        wanted = {"tenantId": target.tenant, "extensionId": target.registry_id, "name": name, "stored": stored}
        problem = _problem(response, request_id, wanted)
        if problem is not None:
            self.seen.wrong.append(f"{request_id} {method} {path}: {problem}")
        if response.status_code != 200:
            self.seen.codes[_code(response)] += 1
            return False
        self.seen.answered.append(request_id)
        return problem is None


def _problem(response: httpx2.Response, request_id: str, wanted: dict[str, Any]) -> str | None:
    """What is wrong with a response; None for a right one."""
    if response.headers.get("x-request-id") != request_id:
        return f"the request id is {response.headers.get('x-request-id')!r} (status {response.status_code})"
    if response.status_code == 200:
        return None if response.json() == wanted else f"{response.text} instead of {wanted}"
    if response.status_code not in UNAVAILABLE:
        return f"status {response.status_code}: {response.text[:300]}"
    return None if _code(response) else f"an error without a code: {response.text[:300]}"


def _code(response: httpx2.Response) -> str:
    try:
        content = response.json()
    except ValueError:
        return ""
    return str(content.get("error") or "") if isinstance(content, dict) else ""
