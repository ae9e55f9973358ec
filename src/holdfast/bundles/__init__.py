"""An extension as a file: manifest, archive, hash, bundle store, and the unpacked cache."""
