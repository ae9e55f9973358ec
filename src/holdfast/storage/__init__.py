"""What an install keeps: the key-value records of `cap:storage.kv`."""
