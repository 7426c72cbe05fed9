"""What a training costs: seconds measured once a machine, for every architecture."""
