"""What the registry refuses."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class UnknownCapability(HoldfastError):
    """Raised when a manifest asks for a capability that does not exist."""

    code = "unknown_capability"
    status = 400


class ExtensionNotInstalled(HoldfastError):
    """Raised when a tenant has no install of the extension that was named."""

    code = "not_installed"
    status = 404


class AmbiguousExtension(HoldfastError):
    """Raised when a bare name fits several installs of a tenant. `details` is `{candidates}`, their full names."""

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
