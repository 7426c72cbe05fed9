"""Training of many different cells at once, equal to the reference loop."""
