"""Networks with shared weights: every architecture of a space in one; see ``nasbench.supernet``."""
