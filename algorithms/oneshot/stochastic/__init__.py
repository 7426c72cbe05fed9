"""Methods that draw gates from a distribution, and learn the distribution."""
