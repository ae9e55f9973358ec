"""Opens the secret envelope of an install: inline in development, with a key of the keyring, or with Vault."""
