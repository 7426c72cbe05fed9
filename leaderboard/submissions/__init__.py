"""Submissions: records that somebody sends to a board, with what the sender says of them.

A *submission* is a folder, or a zip archive of one, with ``entry.json`` and copies of run records
below ``runs/``. Nothing in it is believed that can be computed: its records are compared with the
installed benchmarks, without running anything of the sender's. On request its searches are run
again, in processes of their own. ``submit`` makes one, ``verify`` checks one, and ``verified``
reads which records of a board were checked.
"""

LEVELS = ("consistent", "recomputed", "relabelled")
"""How far records were checked, in rising strength.

*Consistent*: every loss, training seed and time follows from the benchmark, budgets are kept, seeds
are complete. *Recomputed*: also, a sample of seeds was run again and gave identical records.
*Relabelled*: also, the searches do as well on hidden instances.
"""
