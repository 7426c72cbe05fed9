"""What searches with a model share: examples, candidates, acquisition functions and models."""
