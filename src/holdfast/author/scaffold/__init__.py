"""Creates new projects from templates: names, files, packages."""
