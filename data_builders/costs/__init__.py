"""Costs of training: seconds for every architecture, fitted to one measurement per machine."""
