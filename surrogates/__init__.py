"""Regressors for spaces too large to enumerate, one a file. None has been added yet."""
