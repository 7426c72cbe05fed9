"""Fingerprints of the code that a run is a function of."""
