"""Tree searches, over partial architectures or over regions of the space."""
