"""Builds of projects: sessions that build what changed, their parts, reports and records, and packing."""
