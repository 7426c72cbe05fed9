"""Weight sharing: searches inside one supernet; see :mod:`nasbench.supernet`."""
