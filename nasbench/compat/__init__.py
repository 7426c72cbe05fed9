"""The interfaces of other packages over tables of this suite, so that old scripts keep running.

Each module is named after the package whose import it replaces.
"""
