"""What a guest may ask of its host: one module per WIT interface, behind one door."""
