"""Benchmarks as problems of other packages, one module a package and named after it.

A module needs its package, says which extra brings it, and is imported by whoever wants it, such as
``from nasbench.tools.pymoo import Problem``. Losses are minimised. An illegal choice of options is
evaluated as the legal architecture nearest to it (``space.repair``), since most packages cannot be
told the rules of a space.
"""
