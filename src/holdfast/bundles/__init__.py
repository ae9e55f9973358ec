"""An extension as a file: its manifest, archive and signature, the bundle store, and the cache of unpacked bundles."""
