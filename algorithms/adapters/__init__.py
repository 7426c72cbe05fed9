"""Optimisers of other packages as search algorithms, one file for each package.

``optuna:TPESampler`` is the class of that name of :mod:`algorithms.adapters.optuna`, which is made
when it is asked for.
"""
