"""How secrets are sealed and opened: by AES-256-GCM under keys of ours, or by Vault. Both the registry and the runner use it."""
