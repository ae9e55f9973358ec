"""The runner's processes: serving, workers, child processes, sockets."""
