"""Runs: searches replayed on the simulated clock, and the records of them."""
