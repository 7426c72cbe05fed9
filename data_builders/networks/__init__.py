"""Trainable networks, one skeleton a file; ``skeleton201`` is what those of NAS-Bench-201 share."""
