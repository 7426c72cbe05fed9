"""Image sets: read from official files, checked, fetched, split."""
