"""Importer of NAS-Bench-101, from its TFRecord files without TensorFlow."""
