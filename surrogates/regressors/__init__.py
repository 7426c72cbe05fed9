"""Regressors, one a file; ``parts`` is what several of them share."""
