"""Handlers in JavaScript and TypeScript: the module that is bundled, and the component that is made of it."""
