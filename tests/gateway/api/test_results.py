"""Results of the REST API have the fields of the registry's types, in camelCase."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Struct, structs

from holdfast.bundles.signing.status import SignatureStatus
from holdfast.contract import registry_api as r
from holdfast.records.account_types import ApiKeySummary, TenantSummary, UserSummary
from holdfast.registry.installs.results import (
    Grants,
    InstallDetails,
    InstallSummary,
    MissingSchedule,
    PendingUpgrade,
    ScheduleSummary,
    Uninstalled,
)
from holdfast.registry.lifecycle.install import Installed
from holdfast.registry.lifecycle.upgrade import Upgraded
from holdfast.registry.publishing.results import Publication, Published, VersionSummary
from holdfast.registry.quotas.results import InstallQuotas, QuotaUse
from holdfast.registry.secrets.results import SecretsSummary

PAIRS: list[tuple[type[Struct], type[Struct]]] = [
    (InstallSummary, r.InstallSummaryResult),
    (InstallQuotas, r.InstallQuotasResult),
    (QuotaUse, r.QuotaUseResult),
    (ScheduleSummary, r.ScheduleResult),
    (PendingUpgrade, r.PendingUpgradeResult),
    (InstallDetails, r.InstallDetailsResult),
    (SignatureStatus, r.SignatureResult),
    (Installed, r.InstalledResult),
    (Uninstalled, r.UninstalledResult),
    (MissingSchedule, r.MissingScheduleResult),
    (Upgraded, r.UpgradedResult),
    (Grants, r.GrantsResult),
    (SecretsSummary, r.SecretsResult),
    (VersionSummary, r.VersionResult),
    (Publication, r.PublicationResult),
    (Published, r.PublishedResult),
    (TenantSummary, r.TenantResult),
    (UserSummary, r.UserResult),
    (ApiKeySummary, r.ApiKeyResult),
]


@pytest.mark.parametrize(("kind", "result"), PAIRS, ids=[kind.__name__ for kind, _ in PAIRS])
def test_a_result_has_every_field_of_the_registrys_type(kind: type[Struct], result: type[Struct]) -> None:
    assert [field.name for field in structs.fields(result)] == [field.name for field in structs.fields(kind)]


@pytest.mark.parametrize("result", [result for _, result in PAIRS])
def test_every_field_of_a_result_is_sent_in_camel_case(result: type[Struct]) -> None:
    assert all(field.required for field in structs.fields(result))
    assert all("_" not in field.encode_name for field in structs.fields(result))


def test_a_value_of_the_registry_is_sent_in_camel_case_at_every_depth_and_keys_of_data_stay() -> None:
    upgraded = Upgraded(
        install_id="i",
        registry_id="r",
        from_version="1.0.0",
        version="1.1.0",
        granted=[],
        egress=[],
        disabled_schedules=[MissingSchedule(schedule_id="s", method="GET", path="/")],
    )
    sent: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(r.to_result(upgraded, r.UpgradedResult)))
    assert (sent["fromVersion"], sent["disabledSchedules"]) == ("1.0.0", [{"scheduleId": "s", "method": "GET", "path": "/"}])
    grants = Grants(asked=[], granted=[], asked_egress=[], granted_egress=[], pending={"version_id": "v"})
    assert msgspec.json.decode(msgspec.json.encode(r.to_result(grants, r.GrantsResult)))["pending"] == {"version_id": "v"}
