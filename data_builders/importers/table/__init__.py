"""Anybody's numbers: a table from the rows of a CSV, JSON lines or Parquet file.

``rows`` reads the file, ``assignments`` what the user says of its columns, ``cells`` what they
hold; ``plan`` knows which trainings there are, ``trainings`` and ``per_arch`` make the table.
"""
