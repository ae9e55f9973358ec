"""Quotas of installs for each day: their limits, the table of what was used, and the report of both."""
