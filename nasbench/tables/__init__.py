"""Tables: how they are laid out in Parquet, read, checked, written and merged."""
