"""Importer of NAS-Bench-Graph, from its package or its complete data."""
