"""Benchmarks: what answers from a table or a surrogate, and where it is found."""
