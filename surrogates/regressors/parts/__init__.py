"""What several regressors share: features, trees, networks, kernels of graphs."""
