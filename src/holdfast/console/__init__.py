"""Service 3, the console: pages, sidebar, the host of extension frames, live debug. `app` mounts it beside the gateway."""
