"""Schedules and their runs: one interface, on a data folder or over HTTP."""
