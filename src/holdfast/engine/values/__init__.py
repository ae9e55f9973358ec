"""Values of the component model in C memory: their types, lowering and lifting."""
