"""The errors of the registry, each with a stable code."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError, HoldfastError


class RegistryError(CodedError):
    """Raised for what the registry rejects. Errors that callers tell apart by type have classes of their own."""

    STATUSES: ClassVar = {
        # A name without publisher matches several extensions; `details` is `{candidates}`, their full names.
        "ambiguous_extension": 409,
        # The version has no bundle to install.
        "bundle_not_found": 404,
        # Others changed the extension or the install again and again while it was being changed here.
        "changed_meanwhile": 409,
        # The manifest needs a component and the bundle has none.
        "component_missing": 400,
        # A version requests more than the installed one; `details` is `{version, capabilities, egress}`: what is new in it.
        "CONSENT_REQUIRED": 409,
        # The bundle has files of `holdfast dev`, and is published or installed in production.
        "development_component_refused": 400,
        # Another extension has the same `publisher.name`.
        "EXTENSION_NAME_TAKEN": 409,
        # The tenant can see no extension with that name or id.
        "extension_not_found": 404,
        # The archive does not have the declared hash; `details` is `{declared, computed}`, hexadecimal digits.
        "HASH_MISMATCH": 400,
        # The manifest that was sent with an archive differs from the one inside it.
        "MANIFEST_MISMATCH": 400,
        # The install has no version before the present one.
        "nothing_to_roll_back": 409,
        # The archive changed while it was published, or publishing took so long that a sweep ended it.
        "publish_interrupted": 409,
        # The publisher's name belongs to another tenant.
        "PUBLISHER_TAKEN": 403,
        # An administrator of a tenant sets a quota above that of the server; `details` is `{quota, limit}`.
        "quota_above_limit": 403,
        # There is no such quota, or the limit is out of range.
        "quota_invalid": 400,
        "secret_not_found": 404,
        # Secrets are added to expired ones without a new expiry for all of them.
        "secrets_expired": 409,
        # Secrets are sealed with the old keys that are to be removed; `details` is `{installs}`, how many.
        "secrets_keys_in_use": 409,
        # A name, value or expiry of a secret is invalid. The message names the secret, never its value.
        "secrets_refused": 400,
        # A secret is given as a setting, where it would not be encrypted; `details` is `{keys}`.
        "setting_is_secret": 400,
        # All settings of an install together are too large, or are not JSON.
        "settings_too_large": 400,
        # A manifest requests a capability that does not exist, or a grant names one that is not requested; `details` is `{unknown}`.
        "unknown_capability": 400,
        "version_not_found": 404,
        # A yanked version is to be installed; `details` is `{version, reason}`.
        "version_yanked": 409,
    }


class ExtensionNotInstalled(HoldfastError):
    """Raised when a tenant has no install of the extension that was named."""

    code = "not_installed"
    status = 404


class VersionConflict(HoldfastError):
    """Raised when a version is published that exists already, or installed in development with other content than it has."""

    code = "EXTENSION_VERSION_ALREADY_EXISTS"
    status = 409


class BadUpload(HoldfastError):
    """Raised when an upload does not have the declared properties. `details` is `{why}`, such as `size_exceeds_cap`."""

    code = "BAD_REQUEST"
    status = 400


class StagingNotFound(HoldfastError):
    """Raised when the upload does not exist or belongs to another tenant."""

    code = "STAGING_NOT_FOUND"
    status = 404


class Moved(Exception):
    """Raised when what was read before a transaction is not true in it any more. `retry_when_moved` reads it again."""


def changed_meanwhile(extension: str) -> RegistryError:
    """The error for an extension or install that others changed at the same time, at every attempt."""
    return RegistryError(
        "changed_meanwhile", f"{extension} was changed by another request at the same time.", hint="Check its state, then try again."
    )
