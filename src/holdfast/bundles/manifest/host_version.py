"""Checks that this Holdfast is new enough for an extension."""

from __future__ import annotations

import holdfast
from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.versions import SemVer
from holdfast.errors import HoldfastError


class HostTooOld(HoldfastError):
    """Raised when an extension requires a newer Holdfast; `details` is `{required, host}`, two versions."""

    code = "HOST_TOO_OLD"
    status = 409


def require_host_version(manifest: Manifest, host: str = holdfast.__version__) -> None:
    """Raises HostTooOld when the manifest's `minHostVersion` is newer than `host`. A pre-release counts as older than its release."""
    required = manifest.min_host_version
    if required is None or SemVer.parse(host).precedence >= SemVer.parse(required).precedence:
        return
    raise HostTooOld(
        f"{manifest.title} {manifest.version} requires Holdfast {required} or newer; this is {host}.",
        hint="Upgrade Holdfast, or use an older version of the extension.",
        details={"required": required, "host": host},
    )
