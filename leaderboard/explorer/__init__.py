"""The explorer: a static page for each space, on which cells are chosen, drawn and compared.

A page holds its data and needs no other file and no network. Its pictures are laid out by
:mod:`nasbench.drawing`, as ``nasbench draw`` does.
"""
