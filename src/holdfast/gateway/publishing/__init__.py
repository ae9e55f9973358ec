"""The publishing API of the existing contract: `/api/ext-bundles`."""
