"""The scheduler as a process: beside the platform that starts it, or alone."""
