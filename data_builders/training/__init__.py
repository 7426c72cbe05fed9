"""Training: the readable reference loop, and many networks at once in ``batched``."""
