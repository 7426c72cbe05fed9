"""Training of many different cells at once, equivalent to the reference loop."""
