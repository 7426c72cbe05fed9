"""Tasks, one a file: sequences that are generated with their answers."""
