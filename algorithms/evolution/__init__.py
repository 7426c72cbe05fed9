"""Evolutionary algorithms for one objective."""
