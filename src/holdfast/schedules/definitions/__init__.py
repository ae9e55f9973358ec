"""What people and guests do with schedules: list, create, change, delete, run now, and read their history."""
