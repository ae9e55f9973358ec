"""The tables of the registry, and the deterministic ids of its rows."""
