"""Sealing and opening secrets: with AES-256-GCM and local keys, or with Vault. The registry and the runner use it."""
