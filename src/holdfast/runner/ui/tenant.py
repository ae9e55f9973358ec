"""The tenant for which a page file is served: the named one, or the one of the last request, if the registry confirms it."""

from __future__ import annotations

from cachetools import LRUCache

from holdfast.bundles.store.hashing import InvalidContentHash
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.errors import HoldfastError
from holdfast.runner.http.errors import UiNotFound
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.ui.host_names import host_name

_HINTS = 10_000


class PageAccess:
    """Remembers which tenant a version was last served for: requests that a page makes for its own files name no tenant."""

    def __init__(self, validator: InstallValidator, *, strict: bool) -> None:
        """`strict`: only tenants that have the extension installed and enabled. Otherwise any named tenant is accepted."""
        self._validator = validator
        self._strict = strict
        self._hints: LRUCache[tuple[str, str], str] = LRUCache(_HINTS)

    async def find_tenant(self, named: str, extension_id: str, sha256_hex: str, host: str) -> str:
        """The tenant: `named`, or, when that is empty, the one of the hint, of the registry, or of `host` (a `Host` header), in this order.

        Raises UiNotFound when there is none.
        """
        hinted = None if named else self._hints.get((extension_id, sha256_hex))
        name = named or hinted
        if name and await self._is_allowed(name, extension_id, sha256_hex):
            return name
        if hinted:
            # The tenant that this was last served for no longer has it; another may.
            self._drop(hinted, extension_id, sha256_hex)
        found = None if named else await self._find_any(extension_id, sha256_hex, host)
        if found is None:
            raise UiNotFound("No page was found here for this tenant.", hint="Check that the extension is installed and enabled.")
        return found

    def remember(self, tenant_id: str, extension_id: str, sha256_hex: str) -> None:
        """Remembers the tenant.

        Call this only after its bundle was opened: a caller that just names a tenant must not decide for others.
        """
        key = (extension_id, sha256_hex)
        if not self._strict and key in self._hints:
            return
        self._hints[key] = tenant_id

    def forget(self, tenant_id: str, extension_id: str, sha256_hex: str) -> None:
        """Drops the tenant: the store has no such bundle of it. A caller that just named it must not keep other tenants out."""
        if not self._strict:
            self._drop(tenant_id, extension_id, sha256_hex)

    def _drop(self, tenant_id: str, extension_id: str, sha256_hex: str) -> None:
        if self._hints.get((extension_id, sha256_hex)) == tenant_id:
            del self._hints[extension_id, sha256_hex]

    async def _is_allowed(self, tenant_id: str, extension_id: str, sha256_hex: str) -> bool:
        if not _is_well_formed(tenant_id, extension_id, sha256_hex):
            return False
        return not self._strict or await self._validator.tenant_of(tenant_id, extension_id, f"sha256:{sha256_hex}") is not None

    async def _find_any(self, extension_id: str, sha256_hex: str, host: str) -> str | None:
        """The tenant that the registry names for the version, else for the host.

        The registry of the existing platform supports only the latter.
        """
        if not _is_well_formed("any", extension_id, sha256_hex):
            return None
        found = await self._validator.tenant_of(None, extension_id, f"sha256:{sha256_hex}")
        if found is not None:
            return found
        try:
            install = await self._validator.install_at(host_name(host))
        except HoldfastError:
            return None
        if (install.extension_id, install.content_hash) != (extension_id, f"sha256:{sha256_hex}"):
            return None
        return install.tenant_id if await self._is_allowed(install.tenant_id, extension_id, sha256_hex) else None


def _is_well_formed(tenant_id: str, extension_id: str, sha256_hex: str) -> bool:
    try:
        bundle_key(tenant_id, extension_id, sha256_hex)
    except (InvalidBundleKey, InvalidContentHash):
        return False
    return True
