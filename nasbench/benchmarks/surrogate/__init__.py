"""A benchmark that answers with a fitted model: its folder, its model, its answers."""

DESCRIPTION = "surrogate.json"
"""The file by which the folder of a surrogate is known."""
