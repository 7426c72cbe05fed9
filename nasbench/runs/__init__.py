"""Runs: searches replayed on a simulated clock, and their records."""
