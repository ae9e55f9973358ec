"""The processes of `holdfast up`: starting, supervising, and locking the data folder."""
