"""Importer of NAS-Bench-301, from its training results."""
