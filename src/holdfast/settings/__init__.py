"""Every setting of every service: one table, read from the environment and from `.env.runner`, and checked before use."""

from holdfast.settings.loading import SettingInvalid, load_settings
from holdfast.settings.settings import Settings, secret_variables, variables_of

__all__ = ["SettingInvalid", "Settings", "load_settings", "secret_variables", "variables_of"]
