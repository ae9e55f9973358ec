"""What gateway and runner say to each other, typed once. Both sides import these types; neither builds dictionaries by hand."""
