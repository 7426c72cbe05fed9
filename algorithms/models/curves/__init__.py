"""Learning curves extrapolated from their beginnings, and searches that stop trainings by it."""
