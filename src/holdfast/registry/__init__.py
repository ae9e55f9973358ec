"""What is published and who has installed it: tables, migrations, installing, grants, configuration."""
