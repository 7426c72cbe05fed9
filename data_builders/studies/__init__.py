"""Studies of tables and trainings: pilots, noise, precision, ranks by scores."""
