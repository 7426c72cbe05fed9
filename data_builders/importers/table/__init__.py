"""Importer of your own numbers: a table from the rows of a CSV, JSON lines or Parquet file.

``rows`` reads the file, ``assignments`` what the user says about its columns, and ``cells`` their
content; ``plan`` derives which trainings the file holds; ``trainings`` and ``per_arch`` make the
table.
"""
