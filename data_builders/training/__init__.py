"""Training: the readable reference loop, and ``batched`` for many networks at once."""
