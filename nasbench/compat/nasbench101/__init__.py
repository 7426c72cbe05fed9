"""google-research/nasbench on tables: what ``nasbench.api`` offers."""
