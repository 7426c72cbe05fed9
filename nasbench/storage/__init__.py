"""Files, folders and documents: complete or absent, one writer at a time, never another's."""
