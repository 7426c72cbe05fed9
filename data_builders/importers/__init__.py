"""Importers of published archives: one file each, or a folder where one file is not enough."""
