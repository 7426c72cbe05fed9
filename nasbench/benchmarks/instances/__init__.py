"""Tables indexed for many short searches, under their own names or hidden ones."""
