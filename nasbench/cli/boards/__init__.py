"""Commands that take recorded searches further: submissions and papers."""
