"""Evolution of a population for one objective."""
