"""Modules of google-research/nasbench that scripts import and that need no TensorFlow."""
