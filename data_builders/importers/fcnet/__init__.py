"""Importer of FCNet, from its package or its HDF5 files."""
