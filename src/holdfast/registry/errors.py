"""The errors of the registry, each with a stable code."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class UnknownCapability(HoldfastError):
    """Raised when a manifest requests a capability that does not exist."""

    code = "unknown_capability"
    status = 400


class ExtensionNotInstalled(HoldfastError):
    """Raised when a tenant has no install of the extension that was named."""

    code = "not_installed"
    status = 404


class AmbiguousExtension(HoldfastError):
    """Raised when a name without publisher matches several extensions. `details` is `{candidates}`, their full names."""

    code = "ambiguous_extension"
    status = 409


class ComponentMissing(HoldfastError):
    """Raised when a manifest needs a component and its bundle has none."""

    code = "component_missing"
    status = 400


class VersionConflict(HoldfastError):
    """Raised outside development when a version is installed again with other content."""

    code = "EXTENSION_VERSION_ALREADY_EXISTS"
    status = 409


class VersionExists(VersionConflict):
    """Raised when a version is published that exists already, with the same content or other. `details` is `{extension, version}`."""


class ExtensionUnknown(HoldfastError):
    """Raised when the tenant can see no extension with that name or id."""

    code = "extension_not_found"
    status = 404


class VersionNotFound(HoldfastError):
    """Raised when an extension has no version that matches."""

    code = "version_not_found"
    status = 404


class VersionYanked(HoldfastError):
    """Raised when a yanked version is to be installed. `details` is `{version, reason}`."""

    code = "version_yanked"
    status = 409


class HashMismatch(HoldfastError):
    """Raised when an archive does not have the declared hash. `details` is `{declared, computed}`, hexadecimal digits."""

    code = "HASH_MISMATCH"
    status = 400


class ManifestMismatch(HoldfastError):
    """Raised when the manifest that was sent with an archive differs from the one inside it."""

    code = "MANIFEST_MISMATCH"
    status = 400


class PublisherTaken(HoldfastError):
    """Raised when a publisher's name belongs to another tenant."""

    code = "PUBLISHER_TAKEN"
    status = 403


class NameTaken(HoldfastError):
    """Raised when another extension has the same `publisher.name`."""

    code = "EXTENSION_NAME_TAKEN"
    status = 409


class PublishInterrupted(HoldfastError):
    """Raised when the archive changed while it was published, or publishing took so long that a sweep ended it."""

    code = "publish_interrupted"
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


class ChangedMeanwhile(HoldfastError):
    """Raised when others changed an extension or an install again and again while it was being changed here."""

    code = "changed_meanwhile"
    status = 409

    def __init__(self, extension: str) -> None:
        super().__init__(f"{extension} was changed by another request at the same time.", hint="Check its state, then try again.")
