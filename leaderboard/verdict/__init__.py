"""The verdict over benchmarks: ranks, tests and pairs of the methods of a named field.

A *task* is a board: one benchmark and one question. A *field* is a set of methods that ran on every
task with the same seeds. Whatever compares ranks depends on the field: a wider field rates
everybody anew, so a verdict always names its field. Tasks count equally.
"""
