"""What other places want to know of a table: a data set card, Croissant metadata."""
