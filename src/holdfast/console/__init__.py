"""Service 3: pages, sidebar, iframe host, live debug."""
