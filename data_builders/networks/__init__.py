"""Trainable networks, one skeleton per file; ``skeleton201`` is shared by those of nb201."""
