"""Benchmarks made of tables or fitted surrogates, and where they are found."""
