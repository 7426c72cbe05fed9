"""Methods for several objectives."""
