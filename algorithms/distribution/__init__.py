"""Estimation of distributions: options are drawn, the good ones become likelier."""
