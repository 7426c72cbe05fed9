"""Searches that step from an architecture to a neighbour."""
