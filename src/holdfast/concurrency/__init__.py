"""Mechanisms for code that runs at the same time: one run per key, one lock per key."""
