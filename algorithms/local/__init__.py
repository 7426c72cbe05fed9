"""Local searches: each step moves to a neighbour of the current architecture."""
