"""Estimation-of-distribution algorithms: sample options, then make the good ones likelier."""
