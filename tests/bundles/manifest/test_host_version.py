"""An extension that requires a newer Holdfast is rejected, with both versions named."""

from __future__ import annotations

import json

import pytest

import holdfast
from holdfast.bundles.manifest.host_version import HostTooOld, require_host_version
from holdfast.bundles.manifest.model import Manifest, parse_manifest


def needing(version: str | None) -> Manifest:
    fields = {"name": "com.example.notes", "version": "1.2.3", "runtime": "wasm-js@1", "displayName": "Notes", "minHostVersion": version}
    return parse_manifest(json.dumps(fields).encode())


@pytest.mark.parametrize("version", [None, "0.0.1", holdfast.__version__, f"{holdfast.__version__}-rc.1", f"{holdfast.__version__}+build"])
def test_this_version_and_older_ones_are_new_enough(version: str | None) -> None:
    require_host_version(needing(version))


@pytest.mark.parametrize(("required", "host"), [("2.0.0", "1.9.9"), ("1.10.0", "1.9.0"), ("1.0.0", "1.0.0-rc.1")])
def test_a_newer_version_is_rejected_and_both_versions_are_named(required: str, host: str) -> None:
    with pytest.raises(HostTooOld) as caught:
        require_host_version(needing(required), host)
    assert (caught.value.status, caught.value.code) == (409, "HOST_TOO_OLD")
    assert caught.value.message == f"Notes 1.2.3 requires Holdfast {required} or newer; this is {host}."
    assert caught.value.details == {"required": required, "host": host}
