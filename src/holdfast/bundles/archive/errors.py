"""Why an archive cannot be unpacked."""

from __future__ import annotations

from types import MappingProxyType

from holdfast.errors import HoldfastError

EXTRACT_RULES = MappingProxyType(
    {
        "compressed_size": "The archive is larger than the limit.",
        "expanded_size": "The archive expands to more than the limit.",
        "expansion_ratio": "The archive expands to too many times its size.",
        "entry_count": "The archive has too many entries.",
        "manifest_size": "The manifest is larger than the limit.",
        "not_zstd": "The archive is not compressed with zstd, or is damaged.",
        "not_tar": "The archive is not a tar archive, or is damaged.",
        "truncated": "The archive ends too early.",
        "header_damaged": "A header of the archive is damaged.",
        "header_size": "A header of the archive is too large.",
        "no_files": "The archive is empty.",
        "not_a_file": "The archive has a link, a device or another entry that is neither file nor folder.",
        "sparse_file": "The archive has a sparse file.",
        "name_encoding": "A name is not UTF-8.",
        "name_length": "A name is too long.",
        "name_characters": "A name has a backslash or a control character.",
        "name_segment": "A part of a name is empty or begins with a dot.",
        "name_twice": "Two entries have one name; upper and lower case do not count.",
        "disk_full": "The disk of EXT_CACHE_ROOT is full. The bundle itself is fine.",
        "cache_not_writable": "The runner cannot write to EXT_CACHE_ROOT. The bundle itself is fine.",
        "disk_changed": "A file in EXT_CACHE_ROOT is not the one that was unpacked. The bundle itself is fine.",
        "disk_unreadable": "A file in EXT_CACHE_ROOT cannot be read. The bundle itself is fine.",
    }
)
"""What `details.rule` of `extract_failed` can be, with its cause."""


class ExtractFailed(HoldfastError):
    """Raised when an archive is not a zstd-compressed tar, contains something that bundles must not contain, or exceeds a limit.

    `details.rule` is the rule that was broken: a key of EXTRACT_RULES.
    """

    code = "extract_failed"
    status = 500

    def __init__(
        self, rule: str, message: str, *, hint: str = "Pack the extension again with `holdfast pack` and install it again."
    ) -> None:
        # An unknown rule fails here, at the place that raises.
        EXTRACT_RULES[rule]
        super().__init__(message, hint=hint, details={"rule": rule})
