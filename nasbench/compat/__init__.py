"""Interfaces of other packages that answer from tables of this suite, so that old scripts run.

Each subpackage is named after the package whose import it replaces.
"""
