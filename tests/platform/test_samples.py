"""Which platforms start with sample records."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from holdfast.platform.application import add_samples_in_development
from holdfast.records.development_tenant import DevelopmentAccount
from holdfast.records.models.users import Client
from tests.gateway.platform import platform as open_platform
from tests.records.databases import TENANT

ACCOUNT = DevelopmentAccount(TENANT, "First", "admin@example.com", "password", "key")


@pytest.mark.parametrize(("environment", "clients"), [("development", 5), ("production", 0)])
async def test_only_development_starts_with_samples(tmp_path: Path, environment: str, clients: int) -> None:
    async with open_platform(tmp_path, environment=environment) as platform:
        await add_samples_in_development(platform.services, ACCOUNT)
        await add_samples_in_development(platform.services, None)
        async with platform.db.session() as session:
            assert await session.scalar(select(func.count()).select_from(Client)) == clients
