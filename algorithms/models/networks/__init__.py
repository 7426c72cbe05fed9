"""Neural networks that searches fit, and their training."""
