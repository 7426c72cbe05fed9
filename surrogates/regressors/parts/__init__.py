"""Building blocks shared by several regressors: features, trees, networks, graph kernels."""
