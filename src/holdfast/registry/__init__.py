"""What is published and who has installed it: tables, publish, installs, grants, configuration."""
