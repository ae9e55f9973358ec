"""The errors of creating a project. None of them leaves a file behind."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError


class ScaffoldError(CodedError):
    """Raised when a project cannot be created.

    - `project_name_invalid`: the name cannot be the name of an npm package or of an extension
    - `publisher_invalid`: the publisher is blank, too long or has control characters
    - `template_unknown`: there is no such template
    - `folder_not_empty`: the folder exists and has files
    - `folder_unusable`: the folder cannot be created or written
    """

    STATUSES: ClassVar = {
        "project_name_invalid": 400,
        "publisher_invalid": 400,
        "template_unknown": 400,
        "folder_not_empty": 400,
        "folder_unusable": 400,
    }
