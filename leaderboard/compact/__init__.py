"""Compact records: the courses of the runs of one search set-up, in one small Parquet file.

``<folder>/<benchmark>/<algorithm>-<hash of the manifest>.compact.parquet`` stands for the folder of
a full record with the same name, and makes the same row of a board. It cannot show that the other
trials follow from the benchmark: for that its seeds are run again, see
:mod:`leaderboard.submissions.compact`.

Each run is a block of rows: its incumbents, and a last row for what it paid in all, with ``arch``
-1. ``arch`` is the rank in the space; ``evaluation`` and ``second`` say when an incumbent was
found, ``training_seed`` which training answered (-1 for the mean). Columns that follow from others
are left out: ``trial`` where trials ended in the order of their starts, ``epoch`` and ``spent``
where all were full trainings, ``losses`` where they can be read from a table again.

The metadata ``record`` is a JSON object: ``format``; ``manifest``; ``seeds``, such as ``"0:500"``;
``rows``, the SHA-256 of the decoded columns of the full record, which whoever runs the same seeds
again gets as well; ``versions`` of the suite that ran it; ``partial``, whether a trial was shorter
than a full training; and ``numbers``, the SHA-256 of this file's columns.
"""
