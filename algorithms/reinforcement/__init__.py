"""Reinforcement learning: policy gradients, with and without networks, and Q-learning."""
