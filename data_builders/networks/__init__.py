"""Trainable networks, one skeleton a file: an architecture in, a ``torch.nn.Module`` out."""
