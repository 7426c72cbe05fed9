"""Searches in a tree of partial architectures or of regions of the space."""
