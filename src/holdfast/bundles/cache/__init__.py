"""Unpacked bundles on disk: fetched from the store, verified, shared between processes, evicted."""
