"""Foreign pickles, read without running any code that they name."""
