"""Searches guided by a model that predicts losses."""
