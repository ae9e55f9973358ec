"""Which tenant a file of a page is served for: the one that is named, or the one that was seen here before, if the registry agrees."""

from __future__ import annotations

from collections import OrderedDict

from holdfast.bundles.store.hashing import InvalidContentHash
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.errors import HoldfastError
from holdfast.runner.errors import UiNotFound
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.ui.host_routing import host_name

_HINTS = 10_000


class PageAccess:
    """Remembers which tenant a version was last served for: files that a page asks for by itself name no tenant."""

    def __init__(self, validator: InstallValidator, *, strict: bool) -> None:
        """`strict`: only tenants that have the extension installed and enabled. Otherwise a name is enough."""
        self._validator = validator
        self._strict = strict
        self._hints: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def tenant(self, given: str, extension_id: str, sha256_hex: str, host: str) -> str:
        """The tenant: `given`, or, when that is empty, the one of the hint, of the registry, or of `host` (a `Host` header), in this order.

        Raises UiNotFound when there is none.
        """
        hinted = None if given else self._hints.get((extension_id, sha256_hex))
        name = given or hinted
        if name and await self._may(name, extension_id, sha256_hex):
            return name
        if hinted:
            # The tenant that was seen here before has it no longer; another may.
            self._forget(hinted, extension_id, sha256_hex)
        found = None if given else await self._anybody(extension_id, sha256_hex, host)
        if found is None:
            raise UiNotFound("There is no such page, or not for this tenant.", hint="Is the extension installed and enabled?")
        return found

    def served(self, tenant_id: str, extension_id: str, sha256_hex: str) -> None:
        """Remembers the tenant. To be told after the bundle was had for it: whoever only names a tenant must not decide for others."""
        key = (extension_id, sha256_hex)
        if not self._strict and key in self._hints:
            return
        self._hints[key] = tenant_id
        self._hints.move_to_end(key)
        if len(self._hints) > _HINTS:
            self._hints.popitem(last=False)

    def not_there(self, tenant_id: str, extension_id: str, sha256_hex: str) -> None:
        """Drops the tenant: the store has no such bundle of it. Who only named it, and was believed, must not keep others out for ever."""
        if not self._strict:
            self._forget(tenant_id, extension_id, sha256_hex)

    def _forget(self, tenant_id: str, extension_id: str, sha256_hex: str) -> None:
        if self._hints.get((extension_id, sha256_hex)) == tenant_id:
            del self._hints[extension_id, sha256_hex]

    async def _may(self, tenant_id: str, extension_id: str, sha256_hex: str) -> bool:
        if not _well_formed(tenant_id, extension_id, sha256_hex):
            return False
        return not self._strict or await self._validator.tenant_of(tenant_id, extension_id, f"sha256:{sha256_hex}") is not None

    async def _anybody(self, extension_id: str, sha256_hex: str, host: str) -> str | None:
        """Whom the registry names for the version, else for the host; a registry of the existing platform knows only the latter."""
        if not _well_formed("any", extension_id, sha256_hex):
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
        return install.tenant_id if await self._may(install.tenant_id, extension_id, sha256_hex) else None


def _well_formed(tenant_id: str, extension_id: str, sha256_hex: str) -> bool:
    try:
        bundle_key(tenant_id, extension_id, sha256_hex)
    except (InvalidBundleKey, InvalidContentHash):
        return False
    return True
