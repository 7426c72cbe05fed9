"""Entries: what the sender of a submission says of it, in ``entry.json``.

Boards read it beside records, verification compares it with them.
"""

ENTRY = "entry.json"
"""Name of the file that describes a submission."""
RUNS = "runs"
"""Name of the folder of its records."""
