"""The tenant that a fresh installation starts with: the one that the guide for developers names."""

from __future__ import annotations

DEVELOPMENT_TENANT_ID = "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
DEVELOPMENT_TENANT_NAME = "Development"
