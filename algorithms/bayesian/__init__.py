"""Bayesian optimisation: a model with uncertainty, and an acquisition function."""
