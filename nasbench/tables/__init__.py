"""Tables: their layout in Parquet, and how they are read, checked, written and merged."""
