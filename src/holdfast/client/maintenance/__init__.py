"""What an operator does with a whole database, on a data folder or through the platform that runs on it."""
