"""Every setting of every service: one table, read from the environment and from `.env.runner`, and checked before use."""

from holdfast.settings.loading import SettingInvalid, load_settings
from holdfast.settings.settings import Settings, secret_variables, variables_of
from holdfast.settings.table.fields import SecretStr

__all__ = ["SecretStr", "SettingInvalid", "Settings", "load_settings", "secret_variables", "variables_of"]
