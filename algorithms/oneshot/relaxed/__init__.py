"""Methods that learn gates: a number for every option, all or some of which are computed."""
