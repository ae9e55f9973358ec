"""Opening an install's secret envelope: with a key of the keyring, or by Vault."""
