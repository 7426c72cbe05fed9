"""Regressors, one per file; ``parts`` holds what several of them share."""
