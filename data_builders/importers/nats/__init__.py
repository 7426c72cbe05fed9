"""NATS-Bench from its archives; NAS-Bench-201 shares the layout."""
