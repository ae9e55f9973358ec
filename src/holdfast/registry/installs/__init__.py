"""Installs: what a tenant has of an extension: grants, settings, schedules, details, and what a call needs."""
