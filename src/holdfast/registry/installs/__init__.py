"""Installs: install, upgrade, uninstall, grants, configuration, schedules, and the context of a call."""
