"""Commands that compare and publish: scores, submissions and papers."""
