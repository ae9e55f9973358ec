"""The requests and results of the publishing API, as the existing contract spells them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from holdfast.contract.registry_api import PublishedResult

_Key = Annotated[str, Meta(min_length=1, max_length=512)]


class SignatureText(Struct, frozen=True):
    """The text of a `.minisig` file."""

    text: Annotated[str, Meta(min_length=1, max_length=16_384)]
    algorithm: str = "minisign"


class FinalizeRequest(Struct, frozen=True, rename="camel"):
    """Publishes an upload. `declaredHash` is 64 hexadecimal digits; `manifestJson` must equal the manifest in the archive."""

    key: _Key
    size: int | None = None
    declared_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    manifest_json: str | None = None
    signature: SignatureText | None = None


class InstallUploadRequest(Struct, frozen=True, rename="camel"):
    """Installs an upload for development. `declaredHash` is 64 hexadecimal digits."""

    key: _Key
    size: int | None = None
    declared_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    signature: SignatureText | None = None


class AbortRequest(Struct, frozen=True):
    """Deletes an upload. The reason is for people."""

    key: _Key
    reason: Annotated[str, Meta(max_length=1_024)] | None = None


class UploadLocation(Struct, frozen=True):
    """Where the upload is: the key to finalize or abort it by."""

    key: str
    strategy: Literal["staging"]


class UploadResult(Struct, frozen=True, rename="camel"):
    """A stored upload. `declaredHash` is there if the request declared one."""

    upload: UploadLocation
    filename: str
    size: int
    declared_hash: str | UnsetType = UNSET


class ExtensionResult(Struct, frozen=True):
    id: str
    name: str
    publisher: str


class VersionIdResult(Struct, frozen=True):
    id: str
    version: str


class FinalizeResult(Struct, frozen=True, rename="camel"):
    """A published version. `contentHash` is 64 hexadecimal digits; `canonicalKey` is the archive's key in the bundle store."""

    extension: ExtensionResult
    version: VersionIdResult
    content_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    canonical_key: str
    published: PublishedResult


class AbortResult(Struct, frozen=True):
    """`noop` means that there was no such upload."""

    status: Literal["deleted", "noop"]
    key: str
    area: Literal["staging", "canonical"]
