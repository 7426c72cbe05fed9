"""Searches guided by scores of untrained networks."""
