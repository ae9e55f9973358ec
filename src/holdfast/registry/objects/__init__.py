"""Objects in the bundle store and the rows that refer to them: both are written, or neither."""
