"""The table of settings, one module a task. A setting is a field; its alias names the variables, its description is the meaning."""
