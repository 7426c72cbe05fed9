"""Gaussian processes on architectures, and the searches that choose by them."""
