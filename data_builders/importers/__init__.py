"""Importers of published archives: one file each, a folder where an archive needs more than one."""
