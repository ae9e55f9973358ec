from __future__ import annotations

from holdfast.registry.models import ids as identity

NAME = "com.alga.sample.hello-world"


def test_the_id_of_an_extension_comes_from_publisher_and_name() -> None:
    assert identity.registry_id("Alga", NAME) == "3b8b0204-25d9-57d0-951b-3ed518145469"


def test_the_id_of_a_version_comes_from_its_extension_and_number() -> None:
    assert identity.version_id("Alga", NAME, "0.1.1") == "d1164241-1ba8-525c-bcee-689e6fa1a534"
    assert identity.version_id("Alga", NAME, "0.1.0") == "e43bdcdf-c04c-562c-83f5-777735e2c778"


def test_the_id_of_an_install_comes_from_tenant_and_extension() -> None:
    assert identity.install_id("51bbbfe5-0720-4d9b-b3e5-b5b43e441a52", "Alga", NAME) == "16a77336-ea5a-5b0e-9402-db2e9936f29d"


def test_the_id_of_a_bundle_comes_from_its_version_and_content() -> None:
    assert identity.bundle_id("Alga", NAME, "0.1.1", "sha256:" + "a" * 64) == "09c4ade4-4c55-567b-ac4c-ca4974c419c2"


def test_without_a_publisher_it_is_local_dev() -> None:
    assert identity.registry_id(None, NAME) == "71df8a3f-451e-5f4a-b42b-81a05b555634"
    assert identity.registry_id("", NAME) == "71df8a3f-451e-5f4a-b42b-81a05b555634"
