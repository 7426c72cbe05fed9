"""Searches that a cost known before training guides or limits."""
