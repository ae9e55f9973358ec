"""Service 2: who may call which extension, how often; the internal APIs that the runner calls."""
