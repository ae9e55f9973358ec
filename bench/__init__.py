"""Measurements against honest baselines, taken in the same run on the same machine. `make bench` runs them; nothing here decides a test."""
