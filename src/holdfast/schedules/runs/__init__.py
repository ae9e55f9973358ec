"""The runs of schedules: each makes its calls until one succeeds or all attempts are used, and records how it ended."""
