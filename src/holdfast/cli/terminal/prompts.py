"""What an extension asks for, shown to whoever installs it, and their answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.printing import note
from holdfast.errors import HoldfastError
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability

Yes = Annotated[bool, Parameter(("--yes", "-y"), negative="", help="Grant what is asked for without a question.")]

LESS = "--only and --no-egress grant less."

MEANINGS = {
    Capability.CONTEXT_READ: "know its own tenant, install and version (always granted)",
    Capability.LOG_EMIT: "write lines to its log (always granted)",
    Capability.USER_READ: "know who calls it: name, email address, kind of user (always granted)",
    Capability.SECRETS_GET: "read the secrets that are set for it",
    Capability.HTTP_FETCH: "call the hosts below over the network, and no others",
    Capability.STORAGE_KV: "keep records of its own",
    Capability.UI_PROXY: "call the host's own routes for the person who uses it",
    Capability.SCHEDULER_MANAGE: "make, change and remove schedules that call it without anybody present",
    Capability.INVOICE_MANUAL_CREATE: "create invoices for your clients",
    Capability.CLIENT_READ: "read your clients",
    Capability.SERVICE_READ: "read the services you sell",
}


class ConsentMissing(HoldfastError):
    """Raised when an extension asks for rights and nobody grants them."""

    code = "consent_missing"
    status = 409


class NotAskedFor(HoldfastError):
    """Raised when what is to be granted, or withheld, is nothing that the extension asks for."""

    code = "not_asked_for"
    status = 400


def narrowed(
    capabilities: Sequence[str], egress: Sequence[str], *, only: Sequence[str], no_egress: Sequence[str]
) -> tuple[list[str], list[str]]:
    """What is granted of what is asked for: `only` these capabilities (all when empty; several may stand in one, with commas between
    them, and `cap:` may be left out), and the hosts that are not in `no_egress`. Raises NotAskedFor."""
    wanted = {_full_name(name) for written in only for name in written.split(",") if name.strip()}
    withheld = {host.strip().lower() for written in no_egress for host in written.split(",") if host.strip()}
    strange = sorted(wanted - set(capabilities)) + sorted(withheld - {host.lower() for host in egress})
    if strange:
        raise NotAskedFor(
            f"The extension does not ask for {', '.join(strange)}.",
            hint=f"It asks for {', '.join([*capabilities, *egress]) or 'nothing'}.",
            details={"notAskedFor": strange},
        )
    return [name for name in capabilities if not only or name in wanted], [host for host in egress if host.lower() not in withheld]


def ask(title: str, capabilities: Sequence[str], egress: Sequence[str], *, yes: bool, less: str = LESS) -> None:
    """Shows on stderr what would be granted, and asks unless `yes`, or nothing is asked for that is not granted to all.

    `less` says how to grant less than that.

    Raises ConsentMissing when the answer is no, or there is no terminal to ask on.
    """
    note(title)
    for line in _lines(capabilities, egress):
        note(f"  {line}")
    if yes or (set(capabilities) <= ALWAYS_GRANTED and not egress):
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConsentMissing(
            "The extension asks for rights, and there is no terminal to ask whether it gets them.",
            hint=f"Say --yes to grant what is shown above. {less}",
        )
    if _answer("Grant this? [y/N] ") not in {"y", "yes"}:
        raise ConsentMissing("Nothing was granted, and nothing was changed.")


def _lines(capabilities: Sequence[str], egress: Sequence[str]) -> Iterator[str]:
    width = max((len(name) for name in capabilities), default=0)
    if not capabilities and not egress:
        yield "nothing beyond what every extension may do"
    for name in capabilities:
        meaning = MEANINGS[Capability(name)] if name in MEANINGS else "something that this command does not know"
        yield f"{name:<{width}}  {meaning}"
    for host in egress:
        yield f"{'host':<{width}}  {host}"


def _answer(question: str) -> str:
    with _interruptible():
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the question at once: the event loop's own handler would wait for the answer first."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _full_name(written: str) -> str:
    name = written.strip().lower()
    return name if name.startswith("cap:") else f"cap:{name}"
