"""Shows the rights that an extension requests, and asks for consent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.printing import note
from holdfast.cli.terminal.questions import read_line
from holdfast.errors import HoldfastError
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability

Yes = Annotated[bool, Parameter(("--yes", "-y"), negative="", help="Grant the requested rights without a prompt.")]

FEWER = "--only and --no-egress grant fewer rights."

MEANINGS = {
    Capability.CONTEXT_READ: "read its own tenant, install and version (always granted)",
    Capability.LOG_EMIT: "write lines to its log (always granted)",
    Capability.USER_READ: "read the name, email address and kind of its current user (always granted)",
    Capability.SECRETS_GET: "read its secrets",
    Capability.HTTP_FETCH: "call the hosts below over the network, and no other hosts",
    Capability.STORAGE_KV: "store its own records",
    Capability.UI_PROXY: "call routes of the application for its current user",
    Capability.SCHEDULER_MANAGE: "create, change and remove schedules that call it unattended",
    Capability.INVOICE_MANUAL_CREATE: "create invoices for your clients",
    Capability.CLIENT_READ: "read your clients",
    Capability.SERVICE_READ: "read the services you sell",
}


class ConsentMissing(HoldfastError):
    """Raised when an extension requests rights and the user does not grant them."""

    code = "consent_missing"
    status = 409


class NotRequested(HoldfastError):
    """Raised when --only or --no-egress names a right that the extension does not request."""

    code = "not_asked_for"
    status = 400


def select_rights(
    capabilities: Sequence[str], egress: Sequence[str], *, only: Sequence[str], no_egress: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The capabilities and hosts to grant, out of the requested ones.

    `only` names the capabilities to grant (empty: all), `no_egress` the hosts to leave out. Each item may be a comma-separated list, and
    capabilities may omit `cap:`. Raises NotRequested.
    """
    wanted = {_full_name(name) for written in only for name in written.split(",") if name.strip()}
    withheld = {host.strip().lower() for written in no_egress for host in written.split(",") if host.strip()}
    unknown = sorted(wanted - set(capabilities)) + sorted(withheld - {host.lower() for host in egress})
    if unknown:
        raise NotRequested(
            f"The extension does not request {', '.join(unknown)}.",
            hint=f"It requests {', '.join([*capabilities, *egress]) or 'nothing'}.",
            details={"notAskedFor": unknown},
        )
    return [name for name in capabilities if not only or name in wanted], [host for host in egress if host.lower() not in withheld]


def require_consent(title: str, capabilities: Sequence[str], egress: Sequence[str], *, yes: bool, fewer: str = FEWER) -> None:
    """Shows the requested rights on stderr and asks for consent, unless `yes` is true or every extension has these rights anyway.

    `fewer` tells the user how to grant fewer rights.

    Raises ConsentMissing when the user does not agree, or when stdin is not a terminal.
    """
    note(title)
    for line in _describe(capabilities, egress):
        note(f"  {line}")
    if yes or (set(capabilities) <= ALWAYS_GRANTED and not egress):
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConsentMissing(
            "The extension requests rights, and stdin is not a terminal where you could confirm them.",
            hint=f"Pass --yes to grant the rights shown above. {fewer}",
        )
    if (read_line("Grant these rights? [y/N] ") or "").lower() not in {"y", "yes"}:
        raise ConsentMissing(
            "You did not agree. Nothing was granted, and nothing was changed.", hint="Run the command again to grant the rights."
        )


def _describe(capabilities: Sequence[str], egress: Sequence[str]) -> Iterator[str]:
    width = max((len(name) for name in capabilities), default=0)
    if not capabilities and not egress:
        yield "no rights beyond those of every extension"
    for name in capabilities:
        meaning = MEANINGS[Capability(name)] if name in MEANINGS else "a capability that this version of the command does not know"
        yield f"{name:<{width}}  {meaning}"
    for host in egress:
        yield f"{'host':<{width}}  {host}"


def _full_name(written: str) -> str:
    name = written.strip().lower()
    return name if name.startswith("cap:") else f"cap:{name}"
