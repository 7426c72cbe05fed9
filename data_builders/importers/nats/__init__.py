"""Importer of NATS-Bench; NAS-Bench-201 has the same layout of records."""
