"""One number for an algorithm, in a second: the fitness of programs that write algorithms."""
