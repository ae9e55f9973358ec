"""`/api/ext-debug/stream`: the debug events of an extension of the caller's tenant, live or by polling."""
