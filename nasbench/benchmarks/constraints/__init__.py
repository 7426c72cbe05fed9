"""Conditions on numbers known before training, and the part of a space that meets them."""
