"""Read foreign pickles without running any code that they name."""
