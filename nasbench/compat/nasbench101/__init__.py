"""The interface of google-research/nasbench on tables, as offered by ``nasbench.api``."""
