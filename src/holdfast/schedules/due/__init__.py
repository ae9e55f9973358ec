"""Which due times have come: each becomes one row of a run, whatever number of schedulers looks for them."""
