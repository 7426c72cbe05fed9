"""Builds of tables: shards of trainings on one machine or many, resumable, merged."""
