"""Algorithms for several objectives."""
