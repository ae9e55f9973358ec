"""Component-model values in C memory: their shapes, lowering and lifting."""
