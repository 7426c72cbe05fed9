"""The ladder: a search space, its table, an algorithm and a regressor for nasbench."""
