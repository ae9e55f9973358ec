"""What commands share at the terminal: options, prompts, progress, printing."""
