"""Builds of tables: shards trained on one or many machines, resumable, merged into a table."""
