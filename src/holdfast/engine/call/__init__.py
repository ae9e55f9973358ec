"""The data of one call: its limits, its host, how it can end early, and its outcome. Imports nothing else of the engine."""
