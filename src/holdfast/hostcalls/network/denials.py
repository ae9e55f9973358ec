"""Why a fetch is denied, for the author: the rule that denied it, and what would allow it. Guests learn neither, only `not-allowed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.network.addresses import is_address, is_loopback, is_public
from holdfast.hostcalls.network.egress import EgressRule, Target
from holdfast.world.types import HttpError

DenialRule = Literal[
    "egress_not_declared",
    "egress_not_granted",
    "egress_port_differs",
    "egress_subdomain_only",
    "egress_private_address",
    "egress_loopback_address",
]

DENIAL_RULES: dict[DenialRule, str] = {
    "egress_not_declared": "The manifest declares no entry with this host. Declare it under `egress`, and install the extension again.",
    "egress_not_granted": "No granted entry has this host, but the manifest declares one. Grant it with `holdfast grants grant`.",
    "egress_port_differs": "A granted entry has this host with another scheme or port.",
    "egress_subdomain_only": "A granted entry `*.host` has the subdomains of this host, but not the host itself.",
    "egress_private_address": "The address is not on the public Internet. No entry allows it.",
    "egress_loopback_address": "The address is the machine of the host. In development, `EXT_EGRESS_ALLOWLIST` can allow a port of it.",
}
"""Each rule with its cause, for the reference of error codes."""

_MAX_NAMED = 5


def not_granted(
    target: Target, granted: Sequence[EgressRule], withheld: Sequence[EgressRule] | None, *, allow_loopback: bool
) -> HostCallError:
    """The error for a target that no rule in `granted` allows.

    `withheld` are the rules that the manifest declares and the install was not granted, None where these are unknown. With
    `allow_loopback`, the operator can allow ports of this machine.
    """
    if is_address(target.host) and not is_public(target.host):
        return not_public(target, allow_loopback=allow_loopback)
    declared = next((rule for rule in withheld or () if rule.matches(target)), None)
    if declared is not None:
        return _denied(
            "egress_not_granted",
            f"the manifest declares {_names([declared])}, but it was not granted to this install; "
            "grant it with `holdfast grants grant --egress`",
        )
    same_host = [rule for rule in granted if rule.covers_host(target.host)]
    if same_host:
        return _denied(
            "egress_port_differs",
            f"the install was granted {_names(same_host)}, but the URL leads to {target.scheme} on port {target.port}; "
            f"declare {_entry(target)} under egress in the manifest, or change the URL",
        )
    if any(rule.subdomains and rule.host == target.host for rule in granted):
        return _denied(
            "egress_subdomain_only",
            f"the install was granted *.{target.host}, which does not include {target.host} itself; "
            f"declare {_entry(target)} under egress in the manifest too",
        )
    if withheld is not None:
        return _denied(
            "egress_not_declared",
            f"{target.scheme}://{target.host}:{target.port} is not among the hosts that the manifest declares; "
            f"declare {_entry(target)} under egress in the manifest, and install the extension again",
        )
    return _denied(
        "egress_not_granted",
        f"{target.scheme}://{target.host}:{target.port} is not among the hosts granted to this install ({_names(granted)}); "
        f"if the manifest declares it, grant it with `holdfast grants grant`, otherwise declare it under egress in the manifest",
    )


def not_public(target: Target, *, allow_loopback: bool, resolves_to_loopback: bool = False) -> HostCallError:
    """The error for a target whose address does not belong to the public Internet."""
    if resolves_to_loopback or is_loopback(target.host):
        remedy = (
            f"add {_entry(target)} to EXT_EGRESS_ALLOWLIST to call it in development"
            if allow_loopback
            else "extensions never reach the machine of the host in production, whatever is granted"
        )
        return _denied("egress_loopback_address", f"{target.host} is this machine itself; {remedy}")
    return _denied(
        "egress_private_address",
        f"{target.host} has an address that is not on the public Internet; extensions never reach such addresses, whatever is granted",
    )


def _denied(rule: DenialRule, text: str) -> HostCallError:
    return HostCallError(HttpError.NOT_ALLOWED, f"{text} [{rule}]")


def _entry(target: Target) -> str:
    """The egress entry that allows the target."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    is_usual = (target.scheme, target.port) == ("https", 443)
    return host if is_usual else f"{target.scheme}://{host}:{target.port}"


def _names(rules: Sequence[EgressRule]) -> str:
    shown = [f"{rule.scheme}://{'*.' if rule.subdomains else ''}{rule.host}:{rule.port}" for rule in rules[:_MAX_NAMED]]
    more = len(rules) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "none"
